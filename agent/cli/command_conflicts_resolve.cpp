#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/command.h"
#include "cli/conflict_queue.h"
#include "cli/conflicts_page.h"
#include "cli/database.h"
#include "cli/decider_name.h"
#include "config/small_file.h"
#include "json/strict.h"

namespace syncnode::cli {
namespace {

constexpr int64_t kMostAtOnce = 1000;

struct Options {
  std::string choice, file, client, table;
  std::vector<std::string> ids;
  NodeOptions node;
  bool yes = false, dry_run = false;
};

using Conflicts = std::vector<control::ConflictView>;

Result<Conflicts> chosen(const Options& options, ConflictQueue& queue) {
  Conflicts found;
  for (const auto& id : options.ids) {
    SN_ASSIGN(auto one, queue.find(id));
    found.push_back(std::move(one));
  }
  if (!options.ids.empty()) return found;
  SN_ASSIGN(found, queue.list({options.client, kMostAtOnce, false, options.table}));
  if (!found.empty()) return found;
  return Error{ErrorCode::kNotFound,
               fmt::format("no conflict of client '{}'{} waits", options.client,
                           options.table.empty() ? "" : " in that table"),
               "sync-nodectl conflicts list shows those there are"};
}

Status check(const Options& options) {
  if (options.ids.empty() == options.client.empty()) {
    return Error{ErrorCode::kInvalidArgument, "which conflicts?",
                 "give ids, or --client NAME for all of a client"};
  }
  if ((options.choice == "value") == options.file.empty()) {
    return Error{ErrorCode::kInvalidArgument, "--file belongs to the choice 'value', and to no other",
                 "the file holds a JSON object: column and value of what is to be changed"};
  }
  if (options.choice == "value" && options.ids.size() != 1) {
    return Error{ErrorCode::kInvalidArgument, "a value is for one conflict", "give its id"};
  }
  return {};
}

// Nothing: go on. A code: stop with it.
std::optional<ExitCode> confirm(const Options& options, size_t count, Console& console) {
  if (options.dry_run) {
    console.print("dry run: nothing was resolved\n");
    return ExitCode::kOk;
  }
  if (options.yes || options.client.empty()) return std::nullopt;  // who names ids has chosen
  if (!console.can_ask()) {
    return console.fail(
        {ErrorCode::kInvalidArgument, "resolving all of a client asks first, and there is no terminal",
         "add --yes, or --dry-run to see only what it would do"},
        ExitCode::kUsage);
  }
  if (console.ask(
          fmt::format("resolve {} conflict{} with '{}'?", count, count == 1 ? "" : "s", options.choice)))
    return std::nullopt;
  console.note("nothing was resolved\n");
  return ExitCode::kFailed;
}

ExitCode resolve_all(const Options& options, const std::string& value, const Conflicts& conflicts,
                     Decider& decider, Console& console) {
  size_t resolved = 0;
  std::optional<ExitCode> failed;
  for (const auto& one : conflicts) {
    auto done = decider.resolve({one.conflict_id, options.choice, value, one.version});
    if (done) {
      ++resolved;
    } else {
      const ExitCode code = exit_code_of_asking(done.error());
      failed = console.fail(std::move(done).error().with_context(one.conflict_id), code);
    }
  }
  console.print(fmt::format("{} of {} conflict{} resolved with '{}'\n", resolved, conflicts.size(),
                            conflicts.size() == 1 ? "" : "s", options.choice));
  return failed.value_or(ExitCode::kOk);
}

ExitCode run(const Options& options, const Invocation& invocation, Console& console) {
  if (auto checked = check(options); !checked) return console.fail(checked.error(), ExitCode::kUsage);
  std::string value;
  if (!options.file.empty()) {
    auto text = config::read_small_file(options.file);
    if (!text) return console.fail(text.error(), ExitCode::kUsage);
    if (auto parsed = json::parse_strict(*text); !parsed)
      return console.fail(parsed.error(), ExitCode::kUsage);
    value = *std::move(text);
  }
  auto settings = load_settings(invocation, config::Purpose::kCommand);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration);
  auto queue = ConflictQueue::open(*settings);
  if (!queue) return console.fail(queue.error());
  auto conflicts = chosen(options, *queue);
  if (!conflicts) return console.fail(conflicts.error(), exit_code_of_asking(conflicts.error()));
  console.print(conflicts_page(*conflicts, console.out()));
  if (auto stop = confirm(options, conflicts->size(), console)) return *stop;
  auto decider = find_decider(options.node, *settings, conflicts->front().client_name, decider_name());
  if (!decider) return console.fail(decider.error(), exit_code_of_asking(decider.error()));
  return resolve_all(options, value, *conflicts, **decider, console);
}

}  // namespace

void add_conflicts_resolve(CLI::App& conflicts, Invocation& invocation) {
  auto* command = conflicts.add_subcommand("resolve", "Decide about conflicts that wait");
  auto options = std::make_shared<Options>();
  command->add_option("CHOICE", options->choice, "source, target, merge, or value (with --file)")
      ->type_name("")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"source", "target", "merge", "value"}));
  command->add_option("ID", options->ids, "conflicts, by their ids or the beginnings of them")->type_name("");
  command->add_option("--client", options->client, "all of this client that wait")->type_name("NAME");
  command->add_option("--table", options->table, "with --client: only of this table")->type_name("TABLE");
  command->add_option("--file", options->file, "with value: the row's columns as a JSON object")
      ->type_name("FILE");
  command->add_flag("--yes", options->yes, "do not ask");
  command->add_flag("--dry-run", options->dry_run, "only show what would be resolved");
  add_node_options(*command, options->node);
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) { return run(*options, invocation, console); };
  });
}

}  // namespace syncnode::cli
