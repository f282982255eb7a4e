#include <fmt/format.h>

#include <iterator>
#include <memory>

#include "cli/command.h"
#include "sql/migrations.h"

namespace syncnode::cli {

void add_version(CLI::App& root, Invocation& invocation) {
  auto* command =
      root.add_subcommand("version", "Show the version of this program and of the schema it needs");
  auto as_json = std::make_shared<bool>(false);
  add_json_flag(*command, *as_json);
  command->callback([&invocation, as_json] {
    invocation.run = [as_json](Console& console) {
      int schema = std::empty(sql::kMigrations) ? 0 : std::prev(std::end(sql::kMigrations))->number;
      if (*as_json) {
        json::Json document;
        document["version"] = 1;
        document["program"] = "sync-nodectl";
        document["program_version"] = SYNC_NODE_VERSION;
        document["schema_number"] = schema;
        console.print_document(document);
      } else {
        console.print(fmt::format("sync-nodectl {} (schema {})\n", SYNC_NODE_VERSION, schema));
      }
      return ExitCode::kOk;
    };
  });
}

}  // namespace syncnode::cli
