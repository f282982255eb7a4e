#include <fmt/format.h>

#include <memory>

#include "cli/cells.h"
#include "cli/command.h"
#include "cli/database.h"
#include "cli/text.h"
#include "postgres/fill.h"
#include "sql/queries.h"

namespace syncnode::cli {
namespace {

struct Options {
  std::string name;
  bool as_json = false;
};

constexpr size_t kTablesShown = 20;

std::string facts(const json::Json& client) {
  std::string text;
  auto line = [&](std::string_view label, const std::string& value) {
    text += fmt::format("{:>12}  {}\n", label, value);
  };
  line("client", text_cell(client, "client_name").text);
  line("cluster", text_cell(client, "cluster_name").text);
  line("database", text_cell(client, "sqlite_path").text);
  line("container", text_cell(client, "container_name").text);
  line("copy", fmt::format("schema {}", text_cell(client, "schema_name").text));
  bool enabled = client.value("sync_enabled", false);
  const auto interval = json::integer_member(client, "sync_interval_seconds").value_or(0);
  line("schedule", enabled ? interval_text(interval) + ", " + text_cell(client, "status").text : "by hand");
  bool synced = json::string_member(client, "last_sync_at").has_value();
  if (auto ended = json::string_member(client, "deregistered_at")) line("deregistered", *ended);
  line("synced", synced ? fmt::format("{}, {}", text_cell(client, "last_sync_at").text,
                                      age_cell(client, "last_sync_age_seconds").text)
                        : "never");
  line("last run", text_cell(client, "last_job_status").text);
  auto error = json::string_member(client, "last_job_error");
  if (error && !error->empty()) line("error", printable(*error));
  return text;
}

std::string jobs_page(const std::vector<json::Json>& jobs, const Look& look) {
  Table table({{"JOB STARTED"},
               {"KIND"},
               {"BY"},
               {"RESULT"},
               {"TOOK", Table::Align::kRight},
               {"ROWS", Table::Align::kRight},
               {"HELD", Table::Align::kRight},
               {"GENERATION", Table::Align::kRight}});
  for (const auto& job : jobs) {
    table.add({age_cell(job, "started_age_seconds"), text_cell(job, "sync_type"),
               text_cell(job, "triggered_by"), status_cell(job, "status"),
               duration_cell(job, "duration_seconds"), count_cell(job, "rows_synced"),
               trouble_cell(job, "rows_held"), count_cell(job, "generation")});
  }
  return table.render(look);
}

// Only the tables that are not simply there.
std::string tables_page(const std::vector<json::Json>& tables, const Look& look) {
  Table table({{"TABLE"}, {"STATE"}, {"QUARANTINED", Table::Align::kRight}, {"WHY"}});
  size_t special = 0;
  for (const auto& one : tables) {
    bool plain = json::string_member(one, "state") == "present" &&
                 json::integer_member(one, "values_quarantined").value_or(0) == 0;
    if (plain || ++special > kTablesShown) continue;
    table.add({text_cell(one, "name"), status_cell(one, "state"), trouble_cell(one, "values_quarantined"),
               text_cell(one, "reason")});
  }
  std::string text = fmt::format("{} tables known, {} of them skipped, vanished or with quarantined values\n",
                                 tables.size(), special);
  if (special > kTablesShown) text += fmt::format("the first {} (--json shows all):\n", kTablesShown);
  return text + table.render(look);
}

// A deregistered client's copy is closed to the host.
Result<std::vector<json::Json>> read_tables(postgres::Connection& connection, const json::Json& client,
                                            Deadline deadline) {
  if (json::string_member(client, "deregistered_at")) return std::vector<json::Json>();
  const std::string schema = json::string_member(client, "schema_name").value_or("");
  std::string quoted = postgres::Connection::quote_identifier(schema);
  SN_ASSIGN(auto query, postgres::fill(sql::client_tables, {{"schema", quoted}}));
  return documents(connection, query, {}, deadline);
}

ExitCode show(const Options& options, const Invocation& invocation, Console& console) {
  auto settings = load_settings(invocation, config::Purpose::kCommand);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, options.as_json);
  Deadline deadline = command_deadline();
  auto connection = connect_agent(*settings, deadline);
  if (!connection) return console.fail(connection.error(), options.as_json);
  auto name = postgres::Param::text(options.name);
  auto clients = documents(*connection, sql::client_list, {name, postgres::Param::text("true")}, deadline);
  if (!clients) return console.fail(clients.error(), options.as_json);
  if (clients->empty()) {
    return console.fail(
        {ErrorCode::kNotFound, fmt::format("there is no client '{}' on this cluster", options.name),
         "sync-nodectl client list shows those there are"},
        ExitCode::kNoSuchClient, options.as_json);
  }
  const json::Json& client = clients->front();
  auto jobs = documents(*connection, sql::client_jobs, {name, postgres::Param::text("5")}, deadline);
  if (!jobs) return console.fail(jobs.error(), options.as_json);
  auto tables = read_tables(*connection, client, deadline);
  if (!tables) return console.fail(tables.error(), options.as_json);
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["client"] = client;
    document["jobs"] = *jobs;
    document["tables"] = *tables;
    console.print_document(document);
    return ExitCode::kOk;
  }
  console.print(facts(client));
  if (!jobs->empty()) console.print("\n" + jobs_page(*jobs, console.out()));
  if (!tables->empty()) console.print("\n" + tables_page(*tables, console.out()));
  if (json::integer_member(client, "held_count").value_or(0) > 0) {
    console.print(fmt::format("\ndeletes wait for a decision: sync-nodectl held list {}\n", options.name));
  }
  return ExitCode::kOk;
}

}  // namespace

void add_client_show(CLI::App& client, Invocation& invocation) {
  auto* command = client.add_subcommand("show", "Show one client: its last runs, skipped tables, quarantine");
  auto options = std::make_shared<Options>();
  add_client_name(*command, options->name, true);
  add_json_flag(*command, options->as_json);
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) { return show(*options, invocation, console); };
  });
}

}  // namespace syncnode::cli
