// Who hears of conflicts that a run found: the journal, the metrics, as the client's policy says. Called on a
// worker's thread.
#pragma once

#include <string>

#include "base/log.h"
#include "metrics/metrics.h"
#include "sync/run.h"

namespace syncnode::daemon {

void tell_conflicts(const std::string& client, const sync::RunReport& report, Log& log,
                    metrics::Metrics& metrics);

}  // namespace syncnode::daemon
