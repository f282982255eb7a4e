#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/database.h"
#include "postgres/schema_migrator.h"
#include "sql/migrations.h"

namespace syncnode::cli {
namespace {

struct Options {
  AdminOptions admin;
  bool as_json = false;
};

ExitCode show(const std::vector<postgres::MigrationOutcome>& outcomes, const Options& options,
              Console& console) {
  int applied = 0;
  Table table({{"MIGRATION"}, {"RESULT"}});
  json::Json list = json::Json::array();
  for (const auto& outcome : outcomes) {
    applied += outcome.applied ? 1 : 0;
    list.push_back({{"number", outcome.number}, {"name", outcome.name}, {"applied", outcome.applied}});
    table.add({outcome.name, outcome.applied ? Table::Cell("applied", Style::kGood)
                                             : Table::Cell("was there already", Style::kFaint)});
  }
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["applied"] = applied;
    document["migrations"] = std::move(list);
    console.print_document(document);
    return ExitCode::kOk;
  }
  console.print(table.render(console.out()));
  int newest = outcomes.empty() ? 0 : outcomes.back().number;
  console.print(applied == 0 ? fmt::format("the schema was up to date ({})\n", newest)
                             : fmt::format("the schema is up to date ({}): {} migrations applied now\n",
                                           newest, applied));
  return ExitCode::kOk;
}

ExitCode apply(const Options& options, Console& console) {
  // The lock is waited for: another apply may be at work.
  Deadline deadline = deadline_in(std::chrono::minutes(5));
  auto connection = connect_admin(options.admin, deadline);
  if (!connection)
    return console.fail(connection.error(), exit_code_of_request(connection.error()), options.as_json);
  auto outcomes = postgres::apply_migrations(*connection, sql::kMigrations, deadline);
  if (!outcomes) return console.fail(outcomes.error(), options.as_json);
  return show(*outcomes, options, console);
}

}  // namespace

void add_schema(CLI::App& root, Invocation& invocation) {
  auto* group = root.add_subcommand("schema", "The schema sync_metadata in PostgreSQL");
  group->require_subcommand(1);
  auto* command =
      group->add_subcommand("apply", "Bring the schema up to date, as the admin; may be repeated");
  auto options = std::make_shared<Options>();
  add_admin_options(*command, options->admin);
  add_json_flag(*command, options->as_json);
  command->callback([&invocation, options] {
    invocation.run = [options](Console& console) { return apply(*options, console); };
  });
}

}  // namespace syncnode::cli
