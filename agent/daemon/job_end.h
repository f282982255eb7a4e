// JobEnd: how a job of this node ended: the sync that was done or why none was, and of a verify what it
// found. Said to the log and the metrics by conclude(). A verify is counted apart from syncs, since it reads
// the whole copy back. Plain value; conclude() from any thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "metrics/metrics.h"
#include "schedule/scheduler.h"
#include "sync/run.h"

namespace syncnode::daemon {

struct JobEnd {
  Result<sync::RunReport> sync;
  std::optional<sync::VerifyReport> found;  // of a verify that compared

  JobEnd(Result<sync::RunReport> ended) : sync(std::move(ended)) {}  // NOLINT(google-explicit-constructor)
  JobEnd(Result<sync::Verified> verified);                           // NOLINT(google-explicit-constructor)

  bool done() const { return sync.has_value(); }
  bool differs() const { return found && !found->equal(); }
};

// "success", "held", "differs", "failed", "fenced", "starved", "cancelled": sync_jobs.status
std::string_view status_of(const JobEnd& end);

void conclude(const schedule::Job& job, const JobEnd& end, double seconds, Log& log,
              metrics::Metrics& metrics);

}  // namespace syncnode::daemon
