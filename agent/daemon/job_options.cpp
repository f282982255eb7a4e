#include "daemon/job_options.h"

#include <fmt/format.h>

#include "host/privileges.h"
#include "host/source_path.h"

namespace syncnode::daemon {
namespace {

Result<std::string> checked_source(const schedule::Client& client, ContainerMounts& mounts) {
  if (client.sqlite_path.empty()) {
    return Error{ErrorCode::kFailedPrecondition, "it is registered without the path of its database",
                 fmt::format("sync-nodectl client register {} --sqlite-path FILE", client.name)};
  }
  SN_TRY(mounts.check(client));
  SN_ASSIGN(auto path, host::check_registered_path(client.sqlite_path));
  SN_TRY(host::check_cannot_write(path));
  return path;
}

}  // namespace

postgres::ConnectOptions connect_options(const config::Settings& settings, const char* purpose) {
  return {settings.database_url, fmt::format("sync-{} {}", settings.role, purpose)};
}

Result<sync::RunOptions> options_for(const config::Settings& settings, LiveSettings::Policy policy,
                                     ContainerMounts& mounts, const schedule::Client& client,
                                     const schedule::Job& job) {
  SN_ASSIGN(const auto path, checked_source(client, mounts));
  sync::RunOptions options;
  options.database_url = settings.database_url;
  options.application_name = connect_options(settings, "worker").application_name;
  options.cluster_name = settings.cluster_name;
  options.state_directory = settings.state_directory;
  options.client_name = job.client;
  options.sqlite_path = path;
  options.triggered_by = job.triggered_by;
  options.job_id = job.job_id;
  options.full = job.kind == JobKind::kFullSync;
  options.batch_rows = settings.batch_size;
  options.brake_min_rows = settings.brake_min_rows;
  options.brake_percent = settings.brake_percent;
  options.policy = std::move(policy);
  return options;
}

}  // namespace syncnode::daemon
