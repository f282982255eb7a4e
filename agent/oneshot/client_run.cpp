#include "oneshot/client_run.h"

#include <fmt/format.h>

#include "conflict/policy_file.h"
#include "docker/mounts_file.h"
#include "host/privileges.h"
#include "host/source_path.h"
#include "postgres/connection.h"
#include "sql/queries.h"

namespace syncnode::oneshot {
namespace {

Result<RegisteredClient> look_up(const config::Settings& settings, const ClientChoice& choice) {
  Deadline deadline = deadline_in(std::chrono::seconds(30));
  SN_ASSIGN(auto connection,
            postgres::Connection::open({settings.database_url, choice.application_name}, deadline));
  SN_ASSIGN(auto rows,
            connection.query(sql::client_locate, {postgres::Param::text(choice.client_name)}, deadline));
  if (rows.count() == 0) {
    return Error{
        ErrorCode::kNotFound, fmt::format("there is no client '{}' on this cluster", choice.client_name),
        fmt::format("sync-nodectl client list shows those there are; sync-nodectl client register {} "
                    "--sqlite-path FILE adds it",
                    choice.client_name)};
  }
  if (rows.text(0, 3) == "stopped" || rows.text(0, 3) == "migrating") {
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("client '{}' is '{}'", choice.client_name, rows.text(0, 3)),
                 fmt::format("sync-nodectl client show {} tells more", choice.client_name)};
  }
  return RegisteredClient{std::string(rows.text(0, 0)), std::string(rows.text(0, 1)),
                          std::string(rows.text(0, 2))};
}

Status check_choice(const config::Settings& settings, const ClientChoice& choice,
                    const RegisteredClient& client) {
  if (!settings.cluster_name.empty() && settings.cluster_name != client.cluster_name) {
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("client '{}' belongs to cluster '{}', not to '{}'", choice.client_name,
                             client.cluster_name, settings.cluster_name),
                 "correct CLUSTER_NAME, or leave it out"};
  }
  bool both_known = !choice.container_name.empty() && !client.container_name.empty();
  if (both_known && !choice.sqlite_path && choice.container_name != client.container_name) {
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("client '{}' is registered with container '{}', not '{}'", choice.client_name,
                             client.container_name, choice.container_name),
                 "correct CONTAINER_NAME, or leave it out"};
  }
  if (!choice.sqlite_path && client.sqlite_path.empty()) {
    return Error{
        ErrorCode::kFailedPrecondition,
        fmt::format("client '{}' is registered without the path of its database", choice.client_name),
        "give --sqlite-path FILE"};
  }
  return {};
}

}  // namespace

Result<RegisteredClient> find_client(const config::Settings& settings, const ClientChoice& choice) {
  SN_ASSIGN(auto client, look_up(settings, choice));
  SN_TRY(check_choice(settings, choice, client));
  return client;
}

Result<sync::RunOptions> prepare_run(const config::Settings& settings, const ClientChoice& choice,
                                     const RegisteredClient& client) {
  if (!choice.sqlite_path) {
    const auto seen = docker::read_mounts_file(settings.container_mounts_file, BootClock::now());
    SN_TRY(docker::check_mount(seen, choice.client_name, client.container_name, client.sqlite_path));
  }
  auto path = choice.sqlite_path ? host::check_source_path(*choice.sqlite_path)
                                 : host::check_registered_path(client.sqlite_path);
  if (!path) {
    Error error = std::move(path).error();
    if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kFailedPrecondition;
    return std::move(error).with_context(fmt::format("client '{}'", choice.client_name));
  }
  SN_TRY(host::check_cannot_write(*path));

  SN_ASSIGN(auto policy, conflict::load_policy(settings));
  sync::RunOptions options;
  options.policy = std::make_shared<const conflict::Policy>(std::move(policy));
  options.database_url = settings.database_url;
  options.cluster_name = client.cluster_name;
  options.state_directory = settings.state_directory;
  options.client_name = choice.client_name;
  options.sqlite_path = *path;
  options.batch_rows = settings.batch_size;
  options.brake_min_rows = settings.brake_min_rows;
  options.brake_percent = settings.brake_percent;
  options.lease = settings.lease_duration;
  options.heartbeat = settings.heartbeat_interval;
  return options;
}

}  // namespace syncnode::oneshot
