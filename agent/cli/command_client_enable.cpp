#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/database.h"
#include "sql/queries.h"

namespace syncnode::cli {
namespace {

enum class Schedule { kResume, kPause };

ExitCode set_enabled(const std::string& name, Schedule schedule, const Invocation& invocation,
                     Console& console) {
  auto settings = load_settings(invocation, config::Purpose::kCommand);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration);
  Deadline deadline = command_deadline();
  auto connection = connect_agent(*settings, deadline);
  if (!connection) return console.fail(connection.error());
  bool resume = schedule == Schedule::kResume;
  auto rows = connection->query(
      sql::client_set_enabled,
      {postgres::Param::text(name), postgres::Param::text(resume ? "true" : "false")}, deadline);
  if (!rows) return console.fail(rows.error());
  if (rows->count() == 0) {
    return console.fail({ErrorCode::kNotFound,
                         fmt::format("there is no client '{}' to {}", name, resume ? "resume" : "pause"),
                         "sync-nodectl client list shows those there are"},
                        ExitCode::kNoSuchClient);
  }
  console.print(resume ? fmt::format("client '{}' is synced by its nodes from now on\n", name)
                       : fmt::format("client '{}' is left alone; a run under way still ends\n", name));
  return ExitCode::kOk;
}

void add_verb(CLI::App& client, Invocation& invocation, Schedule schedule, const char* verb,
              const char* help) {
  auto* command = client.add_subcommand(verb, help);
  auto name = std::make_shared<std::string>();
  add_client_name(*command, *name, true);
  command->callback([&invocation, name, schedule] {
    invocation.run = [&invocation, name, schedule](Console& console) {
      return set_enabled(*name, schedule, invocation, console);
    };
  });
}

}  // namespace

void add_client_enable(CLI::App& client, Invocation& invocation) {
  add_verb(client, invocation, Schedule::kResume, "resume", "Let the nodes sync a client by its interval");
  add_verb(client, invocation, Schedule::kPause, "pause", "Stop syncing a client by its interval");
}

}  // namespace syncnode::cli
