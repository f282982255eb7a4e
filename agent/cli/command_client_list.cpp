#include <fmt/format.h>

#include <memory>

#include "cli/cells.h"
#include "cli/command.h"
#include "cli/database.h"
#include "cli/text.h"
#include "sql/queries.h"

namespace syncnode::cli {
namespace {

struct Options {
  bool all = false, as_json = false;
};

Table::Cell schedule_cell(const json::Json& client) {
  if (json::string_member(client, "deregistered_at")) return {"deregistered", Style::kFaint};
  auto status = json::string_member(client, "status").value_or("");
  if (status != "active") return {status, Style::kWarning};
  if (!client.value("sync_enabled", false)) return {"by hand", Style::kFaint};
  return {interval_text(json::integer_member(client, "sync_interval_seconds").value_or(0))};
}

std::string page(const std::vector<json::Json>& clients, const Look& look) {
  Table table({{"CLIENT"},
               {"LAST RUN"},
               {"SYNCED"},
               {"SCHEDULE"},
               {"HELD ROWS", Table::Align::kRight},
               {"QUARANTINED", Table::Align::kRight},
               {"DATABASE"}});
  for (const auto& client : clients) {
    table.add({text_cell(client, "client_name"), status_cell(client, "last_job_status"),
               age_cell(client, "last_sync_age_seconds"), schedule_cell(client),
               trouble_cell(client, "rows_held"), trouble_cell(client, "values_quarantined"),
               text_cell(client, "sqlite_path")});
  }
  return table.render(look);
}

ExitCode list(const Options& options, const Invocation& invocation, Console& console) {
  const bool as_json = options.as_json;
  auto settings = load_settings(invocation, config::Purpose::kCommand);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, as_json);
  Deadline deadline = command_deadline();
  auto connection = connect_agent(*settings, deadline);
  if (!connection) return console.fail(connection.error(), as_json);
  auto clients =
      documents(*connection, sql::client_list,
                {postgres::Param::null(), postgres::Param::text(options.all ? "true" : "false")}, deadline);
  if (!clients) return console.fail(clients.error(), as_json);
  if (as_json) {
    json::Json document;
    document["version"] = 1;
    document["clients"] = *clients;
    console.print_document(document);
  } else if (clients->empty()) {
    console.print("no client is registered; sync-nodectl client register NAME --sqlite-path FILE adds one\n");
  } else {
    console.print(page(*clients, console.out()));
  }
  return ExitCode::kOk;
}

}  // namespace

void add_client_list(CLI::App& client, Invocation& invocation) {
  auto* command = client.add_subcommand("list", "List the clients, what needs attention first");
  auto options = std::make_shared<Options>();
  command->add_flag("--all", options->all, "deregistered ones too");
  add_json_flag(*command, options->as_json);
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) { return list(*options, invocation, console); };
  });
}

}  // namespace syncnode::cli
