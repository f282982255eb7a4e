// A job that a running node does for us: asked for, then watched to its end. How the node is reached is the
// caller's (D-Bus here, HTTP too in cli/). Refuses to end the job when the caller is asked to stop: it goes
// on, and can be cancelled by its id. Blocking; main thread.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "bus/client.h"
#include "config/settings.h"
#include "control/views.h"
#include "sync/run.h"

namespace syncnode::oneshot {

// The leader of `cluster` on this host's bus; nothing when BUS_ADDRESS is "none", nobody answers, or who
// answers does not lead this cluster: then a run takes the lease itself. `cluster` "" takes any.
// `may_ask_user`: polkit may ask a person for a password.
std::unique_ptr<bus::Client> find_leader(const config::Settings& settings, const std::string& cluster,
                                         bool may_ask_user);

bool is_over(const control::JobView& job);
bool needs_person(const control::JobView& job);  // held, conflicts

// Reads the job until it is over; at most every quarter of a second. kUnavailable when nobody answered for
// half a minute, kCancelled when `stop` was requested first: both leave the job alone.
Result<control::JobView> follow_job(const std::string& job_id,
                                    const std::function<Result<control::JobView>()>& read,
                                    sync::Progress& progress, const std::stop_token& stop);

// Why a job that is over brought nothing: its own words, by a code that fits. Not for a success.
Error failure_of(const control::JobView& job);

}  // namespace syncnode::oneshot
