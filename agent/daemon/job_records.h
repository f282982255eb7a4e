// JobRecords: what sync_jobs is told of a job that cannot say it itself: one that ended before it began, and
// one whose connection was closed under it. On a connection of its own, opened for it and closed at once.
// Refuses to insist. Any thread; blocks up to its deadline.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "config/settings.h"
#include "schedule/scheduler.h"

namespace syncnode::daemon {

// Nothing to report when the database cannot be reached: that is said elsewhere.
Status record_refused(const config::Settings& settings, const schedule::Job& job, int64_t epoch,
                      const Error& why, Deadline deadline);
Status record_stopped(const config::Settings& settings, const std::string& job_id, Deadline deadline);

}  // namespace syncnode::daemon
