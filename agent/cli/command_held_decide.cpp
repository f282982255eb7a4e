#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/database.h"
#include "cli/decider_name.h"
#include "cli/held_changes.h"
#include "sql/queries.h"

namespace syncnode::cli {
namespace {

struct Decision {
  const char* verb;    // of the command
  const char* status;  // sync_metadata.held_changes.status
  const char* effect;  // what follows
};
constexpr Decision kRelease{"release", "released",
                            "the next sync removes these rows from the copy (and archives them)"};
constexpr Decision kReject{"reject", "rejected", "these rows stay in the copy"};

struct Options {
  std::string client, table;
  bool yes = false, dry_run = false;
};

// Nothing: go on. A code: stop with it.
std::optional<ExitCode> confirm(const Options& options, const Decision& decision, size_t count,
                                Console& console) {
  if (options.dry_run) {
    console.print("dry run: nothing was decided\n");
    return ExitCode::kOk;
  }
  if (options.yes) return std::nullopt;
  if (!console.can_ask()) {
    return console.fail({ErrorCode::kInvalidArgument,
                         fmt::format("held {} asks first, and there is no terminal", decision.verb),
                         "add --yes, or --dry-run to see only what it would do"},
                        ExitCode::kUsage);
  }
  if (console.ask(fmt::format("{} {} held change{}?", decision.verb, count, count == 1 ? "" : "s")))
    return std::nullopt;
  console.note("nothing was decided\n");
  return ExitCode::kFailed;
}

Status decide(postgres::Connection& connection, const std::vector<json::Json>& changes,
              const Decision& decision, Deadline deadline) {
  std::string by = decider_name();
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, {}, deadline));
  for (const auto& change : changes) {
    std::string id = json::string_member(change, "held_id").value_or("");
    SN_TRY(connection.query(
        sql::held_decide,
        {postgres::Param::text(id), postgres::Param::text(decision.status), postgres::Param::text(by)},
        deadline));
  }
  return transaction.commit(deadline);
}

ExitCode run(const Options& options, const Decision& decision, const Invocation& invocation,
             Console& console) {
  auto settings = load_settings(invocation, config::Purpose::kCommand);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration);
  auto connection = connect_agent(*settings, command_deadline());
  if (!connection) return console.fail(connection.error());
  auto changes = held_changes(*connection, options.client, options.table, command_deadline());
  if (!changes) return console.fail(changes.error());
  auto open = waiting(*changes);
  if (open.empty()) {
    return console.fail({ErrorCode::kNotFound,
                         options.table.empty() ? fmt::format("nothing of client '{}' is held", options.client)
                                               : fmt::format("nothing of table '{}' of client '{}' is held",
                                                             options.table, options.client),
                         "sync-nodectl held list shows what is"},
                        ExitCode::kNoSuchClient);
  }
  console.print(held_page(open, console.out()));
  console.print(fmt::format("{}: {}\n", decision.verb, decision.effect));
  if (auto stop = confirm(options, decision, open.size(), console)) return *stop;
  auto decided = decide(*connection, open, decision, command_deadline());
  if (!decided) return console.fail(decided.error());
  console.print(
      fmt::format("{} {} held change{}\n", decision.status, open.size(), open.size() == 1 ? "" : "s"));
  console.print(fmt::format("next: sync-nodectl sync {}\n", options.client));
  return ExitCode::kOk;
}

void add_decision(CLI::App& held, Invocation& invocation, const Decision& decision, const char* help) {
  auto* command = held.add_subcommand(decision.verb, help);
  auto options = std::make_shared<Options>();
  add_client_name(*command, options->client, true);
  command->add_option("TABLE", options->table, "only this table")->type_name("");
  command->add_flag("--yes", options->yes, "do not ask");
  command->add_flag("--dry-run", options->dry_run, "only show what would be decided");
  command->callback([&invocation, &decision, options] {
    invocation.run = [&invocation, &decision, options](Console& console) {
      return run(*options, decision, invocation, console);
    };
  });
}

}  // namespace

void add_held_decide(CLI::App& held, Invocation& invocation) {
  add_decision(held, invocation, kRelease,
               "Let held deletes happen: the next sync removes and archives the rows");
  add_decision(held, invocation, kReject, "Keep the rows in the copy although the source lacks them");
}

}  // namespace syncnode::cli
