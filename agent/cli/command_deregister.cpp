#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/pause.h"
#include "cli/command.h"
#include "cli/database.h"
#include "cli/text.h"
#include "deploy/host_files.h"
#include "deploy/programs.h"
#include "deploy/project_database.h"
#include "postgres/schema_migrator.h"
#include "sql/migrations.h"
#include "sql/queries.h"

namespace syncnode::cli {
namespace {

// A node that is stopped gives its lease back at once; one that died holds it until it runs out.
constexpr std::chrono::seconds kLeaseEnds{90};
constexpr std::chrono::milliseconds kBetweenLooks{200};

struct Options {
  std::string cluster, confirmed, root, programs;
  AdminOptions admin;
  bool yes = false, stop_units = false, dry_run = false, as_json = false;
};

// What stands in the way, and what would go.
struct Facts {
  json::Json document;
  std::vector<std::string> enabled, others;
  std::string leader, login;
};

Result<Facts> look(postgres::Connection& connection, const Options& options) {
  SN_TRY(postgres::require_schema(connection, sql::kMigrations, command_deadline()));
  SN_ASSIGN(auto found, documents(connection, sql::cluster_end_facts,
                                  {postgres::Param::text(options.cluster)}, command_deadline()));
  if (found.empty()) {
    return Error{ErrorCode::kNotFound, fmt::format("there is no host '{}' in this project", options.cluster),
                 "the name is the one of its deploy: HOST_NAME in /etc/sync-node/.env"};
  }
  Facts facts;
  facts.document = std::move(found.front());
  facts.leader = json::string_member(facts.document, "leader_id").value_or("");
  facts.login = json::string_member(facts.document, "login_role").value_or("");
  for (const auto& client : facts.document["clients"]) {
    auto& list = client["sync_enabled"].get<bool>() ? facts.enabled : facts.others;
    list.push_back(json::string_member(client, "client_name").value_or(""));
  }
  return facts;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : ", ") + printable(name);
  return all;
}

std::string counted(size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

Error still_synced(const Facts& facts, const Options& options) {
  const std::string& first = facts.enabled.front();
  return {ErrorCode::kFailedPrecondition,
          fmt::format("{} of '{}' {} still synced: {}", counted(facts.enabled.size(), "client"),
                      options.cluster, facts.enabled.size() == 1 ? "is" : "are", list_of(facts.enabled)),
          fmt::format("for each of them one of three:\n"
                      "  1. stop syncing it:          sync-nodectl client pause {0}\n"
                      "  2. end it:                   sync-nodectl client deregister {0}\n"
                      "  3. move it to another host:  end it here, then there sync-nodectl client register "
                      "{0} --container CONTAINER",
                      first)};
}

Error still_led(const Facts& facts, const Options& options) {
  return {ErrorCode::kFailedPrecondition,
          fmt::format("{} leads '{}' now", printable(facts.leader), options.cluster),
          "on that host: systemctl disable --now sync-node@a sync-node@b; or here, when it is this host: "
          "--stop-units"};
}

void show(const Facts& facts, const Options& options, Console& console) {
  console.print(fmt::format(
      "host '{}' with login role '{}' is removed from the project: {}, its lease, its state values\n",
      options.cluster, printable(facts.login), counted(facts.document["nodes"].size(), "node")));
  if (options.stop_units)
    console.print("before that, sync-node@a and sync-node@b of this host are stopped and disabled\n");
  if (facts.others.empty()) return;
  console.note(fmt::format(
      "{} {} {} registered, not synced: {}. Their registrations and their history of jobs and conflicts go; "
      "their copies (schemas client_…) stay\n",
      painted(Style::kWarning, "warning:", console.err()), counted(facts.others.size(), "client"),
      facts.others.size() == 1 ? "is" : "are", list_of(facts.others)));
}

std::optional<ExitCode> confirm(const Options& options, Console& console) {
  if (options.yes && options.confirmed == options.cluster) return std::nullopt;
  // With --json nobody was shown what goes.
  if (options.yes || !options.confirmed.empty() || !console.can_ask() || options.as_json) {
    return console.fail(
        {ErrorCode::kInvalidArgument,
         options.confirmed.empty() || options.confirmed == options.cluster
             ? fmt::format("deregister wants the name '{}' typed, and --yes", options.cluster)
             : fmt::format("'{}' was confirmed, not '{}'", options.confirmed, options.cluster),
         fmt::format(
             "sync-nodectl deregister {0} --yes --confirm {0}, or --dry-run to see only what it would do",
             options.cluster)},
        ExitCode::kUsage, options.as_json);
  }
  if (console.ask_text(fmt::format("type the host's name to remove it ({})", options.cluster), "") ==
      options.cluster)
    return std::nullopt;
  console.note("nothing was changed\n");
  return ExitCode::kFailed;
}

// --stop-units is about this host, so this host has to be the one that ends.
Status check_whose_units(const Options& options) {
  const std::string path = deploy::HostFiles(options.root).environment();
  SN_ASSIGN(const auto file, deploy::look_at(path));
  auto name = deploy::value_in(file.text, "HOST_NAME");
  if (!name) name = deploy::value_in(file.text, "CLUSTER_NAME");
  if (name == options.cluster) return {};
  return Error{
      ErrorCode::kFailedPrecondition,
      name ? fmt::format("this host is '{}', not '{}': its nodes are not the ones to stop", printable(*name),
                         options.cluster)
           : fmt::format("'{}' names no host: whose nodes run here is not known", path),
      fmt::format("stop them on '{0}': systemctl disable --now sync-node@a sync-node@b; then run this again "
                  "without --stop-units",
                  options.cluster)};
}

// Whatever fails from then on, the administrator has to know what was done.
Error with_stopped_units(Error error) {
  const char* told = "the nodes of this host are stopped and disabled; sync-nodectl deploy starts them again";
  error.hint = error.hint.empty() ? told : fmt::format("{}; {}", error.hint, told);
  return error;
}

// Of this host's, and only because it was said. Then the lease has to be over.
Status stop_units(postgres::Connection& connection, const Options& options) {
  SN_TRY(deploy::Programs(options.programs).stop_and_disable());
  const Deadline deadline = deadline_in(kLeaseEnds);
  while (true) {
    const auto answer = deploy::leader_of(connection, options.cluster);
    if (!answer) return with_stopped_units(answer.error());
    const std::optional<deploy::Leader>& leader = *answer;
    if (!leader) return {};
    if (BootClock::now() > deadline) {
      return with_stopped_units({ErrorCode::kFailedPrecondition,
                                 fmt::format("{} still leads '{}', so it runs on another machine",
                                             printable(leader->id), options.cluster),
                                 "stop it there, then run this again"});
    }
    pause(kBetweenLooks, {});
  }
}

// What was removed; then, in a question of its own, that nothing is left.
Result<json::Json> remove(postgres::Connection& connection, const Options& options) {
  const Deadline deadline = command_deadline();
  const std::vector<postgres::Param> cluster{postgres::Param::text(options.cluster)};
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, {}, deadline));
  SN_ASSIGN(auto removed, documents(connection, sql::cluster_deregister, cluster, deadline));
  SN_TRY(transaction.commit(deadline));
  SN_ASSIGN(const auto remains, connection.query(sql::cluster_remains, cluster, deadline));
  if (remains.int64(0, 0) == 0) return std::move(removed.front());
  return Error{
      ErrorCode::kInternal,
      fmt::format("{} rows still speak of '{}' after it was removed", remains.int64(0, 0), options.cluster),
      "look at them in schema sync_metadata, and run this again"};
}

void tell(const Facts& facts, const json::Json& removed, const Options& options, Console& console) {
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["dry_run"] = options.dry_run;
    document["cluster_name"] = options.cluster;
    document["login_role"] = facts.login;
    document["role_dropped"] = removed.is_object() ? removed["role_dropped"] : json::Json();
    document["clients"] = facts.document["clients"];
    document["nodes"] = facts.document["nodes"];
    document["removed"] = removed.is_object();
    return console.print_document(document);
  }
  if (!removed.is_object()) return console.print("dry run: nothing was changed\n");
  console.print(
      fmt::format("host '{}' is gone from the project, as was looked up afterwards; login role '{}' {}\n",
                  options.cluster, printable(facts.login),
                  removed["role_dropped"].get<bool>() ? "is dropped" : "stays, without a password"));
  console.print(
      "the files in /etc/sync-node stay: sync-nodectl deploy uses them again, apt purge removes them\n");
}

ExitCode run(const Options& options, Console& console) {
  const auto fail = [&](const Error& error) {
    return console.fail(error, exit_code_of_request(error), options.as_json);
  };
  if (options.stop_units) {
    if (auto ours = check_whose_units(options); !ours) return fail(ours.error());
  }
  auto connection = connect_admin(options.admin, command_deadline());
  if (!connection) return fail(connection.error());
  const auto facts = look(*connection, options);
  if (!facts) return fail(facts.error());
  if (!facts->enabled.empty()) return fail(still_synced(*facts, options));
  if (!facts->leader.empty() && !options.stop_units) return fail(still_led(*facts, options));
  if (!options.as_json) show(*facts, options, console);
  if (options.dry_run) {
    tell(*facts, {}, options, console);
    return ExitCode::kOk;
  }
  if (auto stop = confirm(options, console)) return *stop;
  if (options.stop_units) {
    if (auto stopped = stop_units(*connection, options); !stopped) return fail(stopped.error());
  }
  const auto removed = remove(*connection, options);
  if (!removed) return fail(options.stop_units ? with_stopped_units(removed.error()) : removed.error());
  tell(*facts, *removed, options, console);
  return ExitCode::kOk;
}

}  // namespace

void add_deregister(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("deregister", "Remove a host from its project; asks first");
  auto options = std::make_shared<Options>();
  command->add_option("NAME", options->cluster, "the host's name in the project")->type_name("")->required();
  command->add_flag("--yes", options->yes, "do not ask; wants --confirm");
  command->add_option("--confirm", options->confirmed, "the host's name once more, instead of typing it")
      ->type_name("NAME");
  command->add_flag("--stop-units", options->stop_units, "first stop and disable both nodes of this host");
  command->add_flag("--dry-run", options->dry_run, "only show what would be done");
  command->add_option("--root", options->root, "the files of this host are below DIR, for tests")
      ->type_name("DIR");
  command->add_option("--programs", options->programs, "systemctl of DIR, for tests")->type_name("DIR");
  add_admin_options(*command, options->admin);
  add_json_flag(*command, options->as_json);
  command->callback([&invocation, options] {
    invocation.run = [options](Console& console) { return run(*options, console); };
  });
}

}  // namespace syncnode::cli
