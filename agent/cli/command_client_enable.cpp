#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/database.h"
#include "sql/queries.h"

namespace syncnode::cli {
namespace {

enum class Schedule { kResume, kPause };

struct Options {
  std::string client;
  NodeOptions node;
};

const char* verb_of(Schedule schedule) {
  return schedule == Schedule::kResume ? "resume" : "pause";
}

// No node answers: the database decides anyway, and a node that starts looks there.
Status set_in_database(const std::string& client, Schedule schedule, const config::Settings& settings) {
  Deadline deadline = command_deadline();
  SN_ASSIGN(auto connection, connect_agent(settings, deadline));
  SN_ASSIGN(auto rows,
            connection.query(sql::client_set_enabled,
                             {postgres::Param::text(client),
                              postgres::Param::text(schedule == Schedule::kResume ? "true" : "false")},
                             deadline));
  if (rows.count() > 0) return {};
  return Error{ErrorCode::kNotFound, fmt::format("there is no client '{}' to {}", client, verb_of(schedule)),
               "sync-nodectl client list shows those there are"};
}

// Through the leader, who tells its workers at once. A node that was named is asked, or it fails.
Status set_enabled(const Options& options, Schedule schedule, const config::Settings& settings,
                   const Invocation& invocation) {
  const bool chosen = options.node.is_chosen();
  auto node = reach_node(options.node, settings);
  if (node && (chosen || serves(**node, settings))) {
    auto done = (*node)->set_enabled(options.client, schedule == Schedule::kResume);
    const bool nobody_leads = !done && done.error().code == ErrorCode::kFenced;
    if (chosen || !nobody_leads) return done;
  } else if (!node && (chosen || node.error().code != ErrorCode::kUnavailable)) {
    return std::move(node).error();
  }
  SN_ASSIGN(const auto with_database, load_settings(invocation, config::Purpose::kCommand));
  return set_in_database(options.client, schedule, with_database);
}

ExitCode run(const Options& options, Schedule schedule, const Invocation& invocation, Console& console) {
  auto settings = load_settings(invocation, config::Purpose::kAdmin);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration);
  auto done = set_enabled(options, schedule, *settings, invocation);
  if (!done) return console.fail(done.error(), exit_code_of_asking(done.error()));
  console.print(schedule == Schedule::kResume
                    ? fmt::format("client '{}' is synced by its nodes from now on\n", options.client)
                    : fmt::format("client '{}' is left alone; a run under way still ends\n", options.client));
  return ExitCode::kOk;
}

void add_verb(CLI::App& client, Invocation& invocation, Schedule schedule, const char* verb,
              const char* help) {
  auto* command = client.add_subcommand(verb, help);
  auto options = std::make_shared<Options>();
  add_client_name(*command, options->client, true);
  add_node_options(*command, options->node);
  command->callback([&invocation, options, schedule] {
    invocation.run = [&invocation, options, schedule](Console& console) {
      return run(*options, schedule, invocation, console);
    };
  });
}

}  // namespace

void add_client_enable(CLI::App& client, Invocation& invocation) {
  add_verb(client, invocation, Schedule::kResume, "resume", "Let the nodes sync a client by its interval");
  add_verb(client, invocation, Schedule::kPause, "pause", "Stop syncing a client by its interval");
}

}  // namespace syncnode::cli
