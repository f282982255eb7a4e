#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/database.h"
#include "config/database_url.h"
#include "docker/container_data.h"
#include "host/source_path.h"
#include "sql/queries.h"

namespace syncnode::cli {
namespace {

struct Options {
  std::string name, sqlite_path, container, cluster, login;
  int interval = 300;
  AdminOptions admin;
  bool as_json = false;
};

struct Registration {
  std::string cluster, login, path, schema;
  bool cluster_is_new = false;
};

Result<std::string> choose_cluster(const Options& options, const config::Settings& settings) {
  std::string cluster = options.cluster.empty() ? settings.cluster_name : options.cluster;
  if (config::is_cluster_name(cluster)) return cluster;
  if (!cluster.empty()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is not a cluster name", cluster),
                 "use 1 to 100 letters, digits, '.', '_' and '-'"};
  }
  return Error{ErrorCode::kInvalidArgument, "which cluster (host) the client belongs to is not known",
               "set CLUSTER_NAME or give --cluster NAME"};
}

// The login role of the cluster: what it is mapped to, else what the operator says, else DATABASE_URL's user.
Status settle_login(postgres::Connection& connection, const Options& options,
                    const config::Settings& settings, Registration& registration, Deadline deadline) {
  SN_ASSIGN(auto rows,
            connection.query(sql::cluster_login, {postgres::Param::text(registration.cluster)}, deadline));
  if (rows.count() > 0) {
    registration.login = rows.text(0, 0);
    if (options.login.empty() || options.login == registration.login) return {};
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("cluster '{}' belongs to login role '{}', not '{}'", registration.cluster,
                             registration.login, options.login),
                 "leave --login out, or choose another cluster name"};
  }
  registration.login = options.login;
  if (registration.login.empty() && !settings.database_url.empty()) {
    SN_ASSIGN(auto url, config::parse_database_url(settings.database_url));
    registration.login = url.login_role();
  }
  if (registration.login.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("cluster '{}' is new and its login role is not known", registration.cluster),
                 "set DATABASE_URL to the URL its nodes will use, or give --login ROLE (e.g. sync_service)"};
  }
  SN_TRY(connection.query(
      sql::cluster_register,
      {postgres::Param::text(registration.cluster), postgres::Param::text(registration.login)}, deadline));
  registration.cluster_is_new = true;
  return {};
}

// Asked of Docker only when the operator gave no path: that takes root.
Result<std::string> choose_path(const Options& options) {
  if (!options.sqlite_path.empty()) return host::check_source_path(options.sqlite_path);
  if (options.container.empty()) {
    return Error{ErrorCode::kInvalidArgument, "where the client's database lies is not known",
                 "give --sqlite-path FILE or --container CONTAINER"};
  }
  SN_ASSIGN(auto path, docker::database_of_container(options.container, command_deadline()));
  return host::check_source_path(path);
}

Result<Registration> register_client(const Options& options, const config::Settings& settings) {
  Registration registration;
  SN_ASSIGN(registration.cluster, choose_cluster(options, settings));
  SN_ASSIGN(registration.path, choose_path(options));
  Deadline deadline = command_deadline();
  SN_ASSIGN(auto connection, connect_admin(options.admin, deadline));
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, {}, deadline));
  SN_TRY(settle_login(connection, options, settings, registration, deadline));
  std::string interval = std::to_string(options.interval);
  SN_ASSIGN(auto rows,
            connection.query(sql::client_register,
                             {postgres::Param::text(registration.cluster),
                              postgres::Param::text(options.name), text_or_null(options.container),
                              postgres::Param::text(registration.path), postgres::Param::text(interval)},
                             deadline));
  registration.schema = rows.text(0, 0);
  SN_TRY(transaction.commit(deadline));
  return registration;
}

ExitCode run(const Options& options, const Invocation& invocation, Console& console) {
  auto settings = load_settings(invocation, config::Purpose::kAdmin);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, options.as_json);
  auto registration = register_client(options, *settings);
  if (!registration)
    return console.fail(registration.error(), exit_code_of_request(registration.error()), options.as_json);
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["client_name"] = options.name;
    document["cluster_name"] = registration->cluster;
    document["login_role"] = registration->login;
    document["schema_name"] = registration->schema;
    document["sqlite_path"] = registration->path;
    console.print_document(document);
    return ExitCode::kOk;
  }
  if (registration->cluster_is_new) {
    console.print(fmt::format("cluster '{}' is registered with login role '{}'\n", registration->cluster,
                              registration->login));
  }
  console.print(fmt::format("client '{}' is registered: {} will be copied to schema {}\n", options.name,
                            registration->path, registration->schema));
  console.print(
      fmt::format("nothing was copied yet: sync-nodectl sync {0} does it once, "
                  "sync-nodectl client resume {0} every {1} s\n",
                  options.name, options.interval));
  return ExitCode::kOk;
}

}  // namespace

void add_client_register(CLI::App& client, Invocation& invocation) {
  auto* command = client.add_subcommand("register", "Register a client and make its schema, as the admin");
  auto options = std::make_shared<Options>();
  add_client_name(*command, options->name, true);
  command->add_option("--sqlite-path", options->sqlite_path, "the client's webui.db on this host")
      ->type_name("FILE");
  command
      ->add_option("--container", options->container,
                   "its container; without --sqlite-path, Docker tells the path")
      ->type_name("CONTAINER");
  command->add_option("--interval", options->interval, "seconds between two syncs")
      ->check(CLI::Range(1, 2678400))
      ->type_name("SECONDS")
      ->capture_default_str();
  command
      ->add_option("--cluster", options->cluster, "the cluster (host) it belongs to, instead of CLUSTER_NAME")
      ->type_name("CLUSTER");
  command
      ->add_option("--login", options->login, "login role of a new cluster, instead of DATABASE_URL's user")
      ->type_name("ROLE");
  add_admin_options(*command, options->admin);
  add_json_flag(*command, options->as_json);
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) { return run(*options, invocation, console); };
  });
}

}  // namespace syncnode::cli
