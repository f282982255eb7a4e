#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "config/settings.h"

namespace syncnode::cli {
namespace {

struct Options {
  std::string node;
  bool as_json = false;
};

ExitCode check_config(const Options& options, const Invocation& invocation, Console& console) {
  auto settings = config::load_settings(
      {config::environment_of_process(), invocation.env_files, options.node}, config::Purpose::kNode);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, options.as_json);
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["settings"] = json::Json::array();
    for (const auto& shown : settings->shown) {
      document["settings"].push_back({{"key", shown.key}, {"value", shown.value}, {"origin", shown.origin}});
    }
    console.print_document(document);
    return ExitCode::kOk;
  }
  Table table({{"KEY"}, {"VALUE"}, {"FROM"}});
  for (const auto& shown : settings->shown) {
    table.add(
        {shown.key, shown.value, {shown.origin, shown.origin == "default" ? Style::kFaint : Style::kPlain}});
  }
  console.print(table.render(console.out()));
  console.print(painted(Style::kGood, "the configuration is usable", console.out()) + "\n");
  return ExitCode::kOk;
}

}  // namespace

void add_check_config(CLI::App& root, Invocation& invocation) {
  auto* command =
      root.add_subcommand("check-config", "Check the settings of a node as its start would, all at once");
  auto options = std::make_shared<Options>();
  command->add_option("--node", options->node, "which node: a or b (or set ROLE)")
      ->type_name("a|b")
      ->check(CLI::IsMember(std::vector<std::string>{"a", "b"}));
  add_json_flag(*command, options->as_json);
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) {
      return check_config(*options, invocation, console);
    };
  });
}

}  // namespace syncnode::cli
