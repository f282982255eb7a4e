#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "cli/command.h"
#include "cli/database.h"
#include "cli/registration.h"
#include "docker/container_data.h"
#include "host/source_path.h"

namespace syncnode::cli {
namespace {

struct Options {
  std::string name, sqlite_path, container, cluster, login, socket;
  int interval = -1;  // not given; 0: live
  bool all = false, yes = false, dry_run = false, as_json = false;
  AdminOptions admin;

  std::optional<int> wanted_interval() const {
    return interval >= 0 ? std::optional(interval) : std::nullopt;
  }
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

Status check_options(const Options& options) {
  const bool one = !options.name.empty() || !options.sqlite_path.empty() || !options.container.empty();
  if (options.all && one) {
    return Error{ErrorCode::kInvalidArgument, "--all finds names, containers and files itself",
                 "give --all, or NAME with --container or --sqlite-path"};
  }
  if (options.all) return {};
  if (options.name.empty())
    return Error{ErrorCode::kInvalidArgument, "which client is not known", "give NAME, or --all"};
  if (!options.sqlite_path.empty() || !options.container.empty()) return {};
  return Error{ErrorCode::kInvalidArgument, "where the client's database lies is not known",
               "give --sqlite-path FILE or --container CONTAINER"};
}

// Docker's path is without links; one that is there now was put there since.
Result<std::string> usable(const Result<std::string>& path) {
  if (!path) return path;
  return host::check_registered_path(*path);
}

// Asked of Docker when a container is given: that takes root. A container that keeps its database elsewhere
// than in the given file would make every job of the client fail.
Result<std::string> find_database(const Options& options) {
  if (options.container.empty()) return host::check_source_path(options.sqlite_path);
  auto found = docker::database_of_container(options.container, command_deadline(), options.socket);
  if (options.sqlite_path.empty()) return usable(found);
  if (!found) {
    Error error = std::move(found).error();
    error.hint +=
        fmt::format("{}--sqlite-path without --container needs no Docker", error.hint.empty() ? "" : "; ");
    return error;
  }
  SN_ASSIGN(const auto given, host::check_source_path(options.sqlite_path));
  if (host::same_entry(*found, given)) return usable(found);
  return Error{
      ErrorCode::kFailedPrecondition,
      fmt::format("container '{}' keeps its database at '{}', not at '{}'", options.container, *found, given),
      "give --container alone, or --sqlite-path alone"};
}

Result<std::vector<Wanted>> find_wanted(const Options& options) {
  const auto interval = options.wanted_interval();
  std::vector<Wanted> all;
  if (options.all) {
    SN_ASSIGN(const auto containers, docker::all_container_data(command_deadline(), options.socket));
    for (const auto& one : containers) {
      if (!one.container.starts_with(docker::kContainerPrefix)) continue;
      all.push_back({one.container.substr(sizeof docker::kContainerPrefix - 1), one.container,
                     usable(one.database), interval, true});
    }
    return all;
  }
  SN_ASSIGN(auto path, find_database(options));
  all.push_back({options.name, options.container, std::move(path), interval});
  return all;
}

struct Plan {
  ClusterChoice cluster;
  std::vector<Registration> clients;

  bool any(bool (*what)(const Registration&)) const {
    return std::any_of(clients.begin(), clients.end(), what);
  }
  // One that is new is what was asked for; anything else is shown first.
  bool must_ask(bool all) const {
    return any([](const Registration& one) { return one.action == Action::kChange; }) ||
           (all && any(has_work));
  }
};

// The database cannot know of clients that are only planned. Who is registered has his schema; of the others
// the first one gets it.
void refuse_collisions(std::vector<Registration>& clients) {
  std::map<std::string, Wanted> owners;  // by schema
  for (const bool settled : {true, false}) {
    for (auto& one : clients) {
      if (one.action == Action::kRefuse || (one.action == Action::kNothing) != settled) continue;
      const auto [owner, is_free] = owners.emplace(one.schema, one.wanted);
      if (is_free) continue;
      one.action = Action::kRefuse;
      one.refusal = {ErrorCode::kFailedPrecondition,
                     fmt::format("schema '{}' goes to client '{}' of container '{}'", one.schema,
                                 owner->second.client, owner->second.container),
                     fmt::format("names that differ only in case or punctuation share a schema: sync-nodectl "
                                 "client register NAME --container {}",
                                 one.wanted.container)};
    }
  }
}

Result<Plan> make_plan(postgres::Connection& connection, const Options& options,
                       const config::Settings& settings, std::vector<Wanted> wanted) {
  const Deadline deadline = command_deadline();
  Plan plan;
  SN_ASSIGN(const auto name, choose_cluster(options, settings));
  SN_ASSIGN(plan.cluster, find_cluster(connection, name, options.login, settings, deadline));
  for (auto& one : wanted) {
    SN_ASSIGN(auto registration, plan_registration(connection, plan.cluster, std::move(one), deadline));
    plan.clients.push_back(std::move(registration));
  }
  refuse_collisions(plan.clients);
  return plan;
}

// What was done stays done, and what cannot be done is no reason to leave the others out.
void carry_out_all(postgres::Connection& connection, Plan& plan) {
  for (auto& one : plan.clients) {
    auto done = carry_out(connection, plan.cluster, one, command_deadline());
    if (done) continue;
    one.failed = true;
    one.action = Action::kRefuse;
    one.refusal = std::move(done).error().with_context(fmt::format("client '{}'", one.wanted.client));
  }
}

// Nothing: go on. A code: stop with it.
std::optional<ExitCode> confirm(const Options& options, const Plan& plan, Console& console) {
  const bool shows = options.all || options.dry_run || plan.must_ask(false);
  if (shows && !options.as_json) console.print(plan_page(plan.clients, console.out()));
  if (options.dry_run || options.yes || !plan.must_ask(options.all)) return std::nullopt;
  if (!console.can_ask() || options.as_json) {
    return console.fail({ErrorCode::kInvalidArgument, "client register asks before it does this",
                         "add --yes, or --dry-run to see only what it would do"},
                        ExitCode::kUsage, options.as_json);
  }
  if (console.ask("do this?")) return std::nullopt;
  console.note("nothing was registered\n");
  return ExitCode::kFailed;
}

std::string said_of(const Registration& one) {
  const std::string& client = one.wanted.client;
  if (one.action == Action::kNothing) return fmt::format("client '{}' is registered so already\n", client);
  if (one.action == Action::kChange) return fmt::format("client '{}' is changed\n", client);
  return fmt::format(
      "client '{0}' is registered: {1} will be copied to schema {2}\n"
      "nothing is copied yet: sync-nodectl sync {0} does it once, sync-nodectl client resume {0} by its "
      "interval\n",
      client, *one.wanted.database, one.schema);
}

json::Json document_of(const Options& options, const Plan& plan) {
  json::Json document;
  document["version"] = 1;
  document["cluster_name"] = plan.cluster.name;
  document["login_role"] = plan.cluster.login;
  document["dry_run"] = options.dry_run;
  if (!options.all) {
    document.update(plan_document(plan.clients.front()));
    return document;
  }
  document["clients"] = json::Json::array();
  for (const auto& one : plan.clients) document["clients"].push_back(plan_document(one));
  return document;
}

ExitCode conclude(const Options& options, const Plan& plan, Console& console) {
  const auto is_refused = [](const Registration& one) { return one.action == Action::kRefuse; };
  const auto is_broken = [](const Registration& one) {
    return one.failed && one.refusal.code != ErrorCode::kFailedPrecondition;
  };
  const ExitCode code = plan.any(is_broken)    ? ExitCode::kFailed
                        : plan.any(is_refused) ? ExitCode::kNeedsPerson
                                               : ExitCode::kOk;
  if (options.as_json) {
    console.print_document(document_of(options, plan));
    return code;
  }
  if (plan.clients.empty())
    console.print(fmt::format("Docker has no container named {}…\n", docker::kContainerPrefix));
  if (options.dry_run) {
    console.print("dry run: nothing was registered\n");
    return code;
  }
  if (plan.cluster.is_new && plan.any([](const Registration& one) { return one.done; })) {
    console.print(fmt::format("cluster '{}' is registered with login role '{}'\n", plan.cluster.name,
                              plan.cluster.login));
  }
  for (const auto& one : plan.clients) {
    if (!is_refused(one) && (one.done || !options.all)) console.print(said_of(one));
    if (one.failed) console.note(one.refusal.message + "\n");
    if (is_refused(one) && !one.refusal.hint.empty())
      console.print(fmt::format("{}: {}\n", one.wanted.container, one.refusal.hint));
  }
  return code;
}

ExitCode run(const Options& options, const Invocation& invocation, Console& console) {
  const auto fail = [&](const Error& error) {
    return console.fail(error, exit_code_of_request(error), options.as_json);
  };
  auto settings = load_settings(invocation, config::Purpose::kAdmin);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, options.as_json);
  if (auto checked = check_options(options); !checked) return fail(checked.error());
  auto wanted = find_wanted(options);
  if (!wanted) return fail(wanted.error());
  auto connection = connect_admin(options.admin, command_deadline());
  if (!connection) return fail(connection.error());
  auto plan = make_plan(*connection, options, *settings, *std::move(wanted));
  if (!plan) return fail(plan.error());
  if (!options.all && plan->clients.front().action == Action::kRefuse)
    return fail(plan->clients.front().refusal);
  if (auto stop = confirm(options, *plan, console)) return *stop;
  if (!options.dry_run) carry_out_all(*connection, *plan);
  if (!options.all && plan->clients.front().failed) return fail(plan->clients.front().refusal);
  return conclude(options, *plan, console);
}

void add_options(CLI::App& command, Options& options) {
  add_client_name(command, options.name, false);
  command.add_flag("--all", options.all, "every container named openwebui-NAME; shows the plan and asks");
  command.add_option("--sqlite-path", options.sqlite_path, "the client's webui.db on this host")
      ->type_name("FILE");
  command
      .add_option("--container", options.container,
                  "its container; without --sqlite-path, Docker tells the path")
      ->type_name("CONTAINER");
  add_interval(*command.add_option("--interval", options.interval,
                                   "seconds between two syncs, or live; 300 at first"));
  command
      .add_option("--cluster", options.cluster, "the cluster (host) it belongs to, instead of CLUSTER_NAME")
      ->type_name("CLUSTER");
  command.add_option("--login", options.login, "login role of a new cluster, instead of DATABASE_URL's user")
      ->type_name("ROLE");
  add_docker_socket(command, options.socket);
  add_admin_options(command, options.admin);
  command.add_flag("--yes", options.yes, "do not ask");
  command.add_flag("--dry-run", options.dry_run, "only show what would be done");
  add_json_flag(command, options.as_json);
}

}  // namespace

void add_client_register(CLI::App& client, Invocation& invocation) {
  auto* command =
      client.add_subcommand("register", "Register a client, or all, and make its schema, as the admin");
  auto options = std::make_shared<Options>();
  add_options(*command, *options);
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) { return run(*options, invocation, console); };
  });
}

}  // namespace syncnode::cli
