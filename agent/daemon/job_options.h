// What a run of one client needs, made from the settings and the list.
// Reads only whether the file may be read the way law L1 wants. Any thread.
#pragma once

#include "base/result.h"
#include "config/settings.h"
#include "daemon/container_mounts.h"
#include "daemon/live_settings.h"
#include "postgres/connection.h"
#include "schedule/scheduler.h"
#include "sync/run.h"

namespace syncnode::daemon {

// Connections carry the node and what they are for, for pg_stat_activity.
postgres::ConnectOptions connect_options(const config::Settings& settings, const char* purpose);

// kFailedPrecondition, kNotFound…: the source cannot or may not be read, or is not the client's any more.
Result<sync::RunOptions> options_for(const config::Settings& settings, LiveSettings::Policy policy,
                                     ContainerMounts& mounts, const schedule::Client& client,
                                     const schedule::Job& job);

}  // namespace syncnode::daemon
