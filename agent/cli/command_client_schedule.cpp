// client resume, pause, set-interval: through the leader, who tells its workers at once. A node that was
// named is asked, or it fails. Where no node answers the database decides anyway, and a node that starts
// looks there.
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
  int interval = 0;  // seconds; 0: live
  NodeOptions node;
};

// One change of one client, both ways.
struct Change {
  const char* verb;
  std::function<Status(Node&)> by_node;
  std::string_view sql;  // $1 client name, $2 `value`
  std::string value;
  std::string said;  // when it is done
};

const char* verb_of(Schedule schedule) {
  return schedule == Schedule::kResume ? "resume" : "pause";
}

Status change_in_database(const std::string& client, const Change& change, const config::Settings& settings) {
  Deadline deadline = command_deadline();
  SN_ASSIGN(auto connection, connect_agent(settings, deadline));
  SN_ASSIGN(auto rows,
            connection.query(change.sql, {postgres::Param::text(client), postgres::Param::text(change.value)},
                             deadline));
  if (rows.count() > 0) return {};
  return Error{ErrorCode::kNotFound, fmt::format("there is no client '{}' to {}", client, change.verb),
               "sync-nodectl client list shows those there are"};
}

Status carry_out(const Options& options, const Change& change, const config::Settings& settings,
                 const Invocation& invocation) {
  const bool chosen = options.node.is_chosen();
  auto node = reach_node(options.node, settings);
  if (node && (chosen || serves(**node, settings))) {
    auto done = change.by_node(**node);
    const bool nobody_leads = !done && done.error().code == ErrorCode::kFenced;
    if (chosen || !nobody_leads) return done;
  } else if (!node && (chosen || node.error().code != ErrorCode::kUnavailable)) {
    return std::move(node).error();
  }
  SN_ASSIGN(const auto with_database, load_settings(invocation, config::Purpose::kCommand));
  return change_in_database(options.client, change, with_database);
}

ExitCode run(const Options& options, const Change& change, const Invocation& invocation, Console& console) {
  auto settings = load_settings(invocation, config::Purpose::kAdmin);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration);
  auto done = carry_out(options, change, *settings, invocation);
  if (!done) return console.fail(done.error(), exit_code_of_asking(done.error()));
  console.print(change.said);
  return ExitCode::kOk;
}

Change enabling(const Options& options, Schedule schedule) {
  const bool enabled = schedule == Schedule::kResume;
  return {verb_of(schedule),
          [&options, enabled](Node& node) { return node.set_enabled(options.client, enabled); },
          sql::client_set_enabled, enabled ? "true" : "false",
          enabled ? fmt::format("client '{}' is synced by its nodes from now on\n", options.client)
                  : fmt::format("client '{}' is left alone; a run under way still ends\n", options.client)};
}

Change retiming(const Options& options) {
  return {"set the interval of",
          [&options](Node& node) { return node.set_interval(options.client, options.interval); },
          sql::client_set_interval, std::to_string(options.interval),
          fmt::format(
              "client '{}' is synced {} while its nodes sync it\n", options.client,
              options.interval == 0 ? "whenever it changes" : fmt::format("every {} s", options.interval))};
}

void run_with(CLI::App& command, Invocation& invocation, const std::shared_ptr<Options>& options,
              std::function<Change(const Options&)> change) {
  add_node_options(command, options->node);
  command.callback([&invocation, options, change = std::move(change)] {
    invocation.run = [&invocation, options, change](Console& console) {
      return run(*options, change(*options), invocation, console);
    };
  });
}

void add_verb(CLI::App& client, Invocation& invocation, Schedule schedule, const char* verb,
              const char* help) {
  auto* command = client.add_subcommand(verb, help);
  auto options = std::make_shared<Options>();
  add_client_name(*command, options->client, true);
  run_with(*command, invocation, options,
           [schedule](const Options& given) { return enabling(given, schedule); });
}

}  // namespace

void add_client_schedule(CLI::App& client, Invocation& invocation) {
  add_verb(client, invocation, Schedule::kResume, "resume", "Let the nodes sync a client by its interval");
  add_verb(client, invocation, Schedule::kPause, "pause", "Stop syncing a client by its interval");
  auto* command = client.add_subcommand("set-interval", "Change how often the nodes sync a client");
  auto options = std::make_shared<Options>();
  add_client_name(*command, options->client, true);
  add_interval(
      *command->add_option("INTERVAL", options->interval, "seconds between two syncs, or live")->required());
  run_with(*command, invocation, options, retiming);
}

}  // namespace syncnode::cli
