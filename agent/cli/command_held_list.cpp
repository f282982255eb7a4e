#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/database.h"
#include "cli/held_changes.h"

namespace syncnode::cli {
namespace {

struct Options {
  std::string client;
  bool as_json = false;
};

ExitCode list(const Options& options, const Invocation& invocation, Console& console) {
  auto settings = load_settings(invocation, config::Purpose::kCommand);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, options.as_json);
  Deadline deadline = command_deadline();
  auto connection = connect_agent(*settings, deadline);
  if (!connection) return console.fail(connection.error(), options.as_json);
  auto changes = held_changes(*connection, options.client, "", deadline);
  if (!changes) return console.fail(changes.error(), options.as_json);
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["held"] = *changes;
    console.print_document(document);
    return ExitCode::kOk;
  }
  if (changes->empty()) {
    console.print("nothing is held\n");
    return ExitCode::kOk;
  }
  console.print(held_page(*changes, console.out()));
  if (!waiting(*changes).empty()) {
    console.print(
        "\nif the application really deleted these rows: sync-nodectl held release NAME [TABLE]\n"
        "to keep them in the copy:                       sync-nodectl held reject NAME [TABLE]\n");
  }
  return ExitCode::kOk;
}

}  // namespace

void add_held(CLI::App& root, Invocation& invocation) {
  auto* group = root.add_subcommand("held", "Deletes that wait for a decision");
  group->require_subcommand(1);
  add_held_list(*group, invocation);
  add_held_decide(*group, invocation);
}

void add_held_list(CLI::App& held, Invocation& invocation) {
  auto* command = held.add_subcommand("list", "List what is held, and what was decided in the last week");
  auto options = std::make_shared<Options>();
  add_client_name(*command, options->client, false);
  add_json_flag(*command, options->as_json);
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) { return list(*options, invocation, console); };
  });
}

}  // namespace syncnode::cli
