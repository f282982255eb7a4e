// client deregister: in steps each of which leaves something whole, so that a run that was cut off is ended
// by the next one. First nobody syncs the client any more; that is all without --drop-schema. Then this host
// forgets what it shipped, and last the copy and the history go.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "cli/command.h"
#include "cli/database.h"
#include "cli/decider_name.h"
#include "cli/text.h"
#include "host/privileges.h"
#include "sql/queries.h"

namespace syncnode::cli {
namespace {

using postgres::Param;

struct Options {
  std::string client, cluster;
  bool drop = false, yes = false, dry_run = false;
  AdminOptions admin;
};

// A row of client_footprint.sql.
struct Footprint {
  std::string cluster, schema;
  bool deregistered = false;
  int64_t tables = 0, bytes = 0, jobs = 0, conflicts = 0;
  std::string dependents;
};

Result<Footprint> find(postgres::Connection& connection, const Options& options,
                       const config::Settings& settings, Deadline deadline) {
  SN_ASSIGN(const auto rows,
            connection.query(sql::client_footprint, {Param::text(options.client)}, deadline));
  if (rows.count() == 0) {
    return Error{ErrorCode::kNotFound, fmt::format("there is no client '{}'", options.client),
                 "sync-nodectl client list shows those there are"};
  }
  Footprint found{std::string(rows.text(0, 0)),
                  std::string(rows.text(0, 1)),
                  rows.boolean(0, 2),
                  rows.int64(0, 3),
                  rows.int64(0, 4),
                  rows.int64(0, 5),
                  rows.int64(0, 6),
                  std::string(rows.text(0, 7))};
  const std::string& cluster = options.cluster.empty() ? settings.cluster_name : options.cluster;
  if (!cluster.empty() && cluster != found.cluster) {
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("client '{}' belongs to cluster '{}', not to '{}'", options.client,
                             found.cluster, cluster),
                 fmt::format("give --cluster {} if it is meant", found.cluster)};
  }
  if (options.drop && !found.dependents.empty()) {
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("schema '{}' is used by {}", found.schema, found.dependents),
                 "drop or change these first, or deregister without --drop-schema"};
  }
  return found;
}

std::string effect_of(const Options& options, const Footprint& found) {
  const std::string copy = fmt::format("schema {}: {} tables, {}", found.schema, count_text(found.tables),
                                       bytes_text(static_cast<uint64_t>(found.bytes)));
  const std::string history =
      fmt::format("{} jobs, {} conflicts", count_text(found.jobs), count_text(found.conflicts));
  std::string text =
      fmt::format("client '{}' of cluster '{}'{}\n", options.client, found.cluster,
                  found.deregistered ? " is deregistered already"
                                     : " will not be synced any more, and its container is free");
  text += options.drop ? fmt::format(
                             "its copy is DROPPED with all it archived ({})\n"
                             "its history is DELETED ({})\n",
                             copy, history)
                       : fmt::format(
                             "its copy stays ({}), closed to the host's login\n"
                             "its history stays ({})\n",
                             copy, history);
  return text + "its own database is not touched\n";
}

// Nothing: go on. A code: stop with it.
std::optional<ExitCode> confirm(const Options& options, Console& console) {
  if (options.yes) return std::nullopt;
  if (!console.can_ask()) {
    return console.fail({ErrorCode::kInvalidArgument,
                         "client deregister has the client's name typed first, and there is no terminal",
                         "add --yes, or --dry-run to see only what it would do"},
                        ExitCode::kUsage);
  }
  if (console.ask_to_type(options.client)) return std::nullopt;
  console.note("nothing was deregistered\n");
  return ExitCode::kFailed;
}

Error with_remedies(Error error, const std::string& client) {
  if (error.hint.empty() && error.code == ErrorCode::kUnavailable) {
    error.hint = fmt::format(
        "sync-nodectl client pause {0}, wait or sync-nodectl jobs cancel ID, then run this again", client);
  }
  return error;
}

// Up to the commit nothing has happened; `commit` false: see whether it could.
Status stop_syncing(postgres::Connection& connection, const std::string& client, bool commit,
                    Deadline deadline) {
  const std::string by = decider_name();
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, {}, deadline));
  auto stopped = connection.query(sql::client_deregister, {Param::text(client), Param::text(by)}, deadline);
  if (!stopped) return with_remedies(std::move(stopped).error(), client);
  return commit ? transaction.commit(deadline) : Status();
}

// As the user whose it is: root has no business in a directory that another user writes.
Status forget_what_was_shipped(const config::Settings& settings, const std::string& schema) {
  const auto memory = std::filesystem::path(settings.state_directory) / "clients" / schema;
  std::error_code failed;
  if (!std::filesystem::exists(memory, failed)) return {};  // on another host, or never synced
  SN_TRY(host::drop_to_reader(settings.state_directory));
  std::filesystem::remove_all(memory, failed);
  if (!failed) return {};
  return Error{ErrorCode::kPermissionDenied,
               fmt::format("removing '{}': {}", memory.string(), failed.message()),
               "run the command with sudo on the client's host; it goes on where it stopped"};
}

Status drop(postgres::Connection& connection, const std::string& client, Deadline deadline) {
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, {}, deadline));
  SN_TRY(connection.query(sql::client_drop, {Param::text(client)}, deadline));
  return transaction.commit(deadline);
}

Status carry_out(postgres::Connection& connection, const Options& options, const Footprint& found,
                 const config::Settings& settings) {
  SN_TRY(stop_syncing(connection, options.client, true, command_deadline()));
  if (!options.drop) return {};
  SN_TRY(forget_what_was_shipped(settings, found.schema));
  return drop(connection, options.client, command_deadline());
}

ExitCode run(const Options& options, const Invocation& invocation, Console& console) {
  const auto fail = [&](const Error& error) { return console.fail(error, exit_code_of_asking(error)); };
  auto settings = load_settings(invocation, config::Purpose::kAdmin);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration);
  auto connection = connect_admin(options.admin, command_deadline());
  if (!connection) return fail(connection.error());
  auto found = find(*connection, options, *settings, command_deadline());
  if (!found) return fail(found.error());
  console.print(effect_of(options, *found));
  if (options.dry_run) {
    auto possible = stop_syncing(*connection, options.client, false, command_deadline());
    if (!possible) return fail(possible.error());
    console.print("dry run: nothing was deregistered\n");
    return ExitCode::kOk;
  }
  if (auto stop = confirm(options, console)) return *stop;
  auto done = carry_out(*connection, options, *found, *settings);
  if (!done) return fail(done.error());
  console.print(options.drop
                    ? fmt::format("client '{}' is gone\n", options.client)
                    : fmt::format("client '{0}' is deregistered; sync-nodectl client register {0} would "
                                  "bring it back\n",
                                  options.client));
  return ExitCode::kOk;
}

}  // namespace

void add_client_deregister(CLI::App& client, Invocation& invocation) {
  auto* command = client.add_subcommand("deregister", "End the syncing of a client for good, as the admin");
  auto options = std::make_shared<Options>();
  add_client_name(*command, options->client, true);
  command->add_flag("--drop-schema", options->drop, "remove its copy and its history too");
  command
      ->add_option("--cluster", options->cluster, "the cluster (host) it belongs to, instead of CLUSTER_NAME")
      ->type_name("CLUSTER");
  add_admin_options(*command, options->admin);
  command->add_flag("--yes", options->yes, "do not ask");
  command->add_flag("--dry-run", options->dry_run, "only show what would be done");
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) { return run(*options, invocation, console); };
  });
}

}  // namespace syncnode::cli
