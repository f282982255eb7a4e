// Job records: what a job's own connection cannot say any more, or never could: written to sync_jobs over a
// connection of its own, in a few seconds at most. That the database cannot be reached is said elsewhere;
// then the next leader ends what is left (job_abandon_earlier.sql). Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/log.h"
#include "config/settings.h"
#include "model/term.h"
#include "schedule/scheduler.h"

namespace syncnode::daemon {

// A job that failed before it began has no row that says so, or one that would wait for ever.
void record_refusal(const config::Settings& settings, const schedule::Job& job, const Term& term,
                    const Error& why, Log& log);

// A job that began and whose connection ended before it could say how: without this its row would say until
// the next run of the client that it runs. One that could is left as it is.
void record_end(const config::Settings& settings, const std::string& job_id, std::string_view status,
                const std::string& why, Log& log);

}  // namespace syncnode::daemon
