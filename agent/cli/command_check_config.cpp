#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/text.h"
#include "config/settings.h"
#include "conflict/policy_file.h"

namespace syncnode::cli {
namespace {

struct Options {
  std::string node;
  bool as_json = false;
};

// What holds for each table: what the file says of it, and the defaults it leaves to the others.
std::string policy_page(const conflict::Policy& policy, const Look& look) {
  Table table({{"TABLE"}, {"CONFLICTS"}, {"COMPARES"}, {"RULES"}});
  auto add = [&](const std::string& name, const conflict::TablePolicy& rules) {
    std::string merged;
    for (const auto& rule : rules.merge_rules)
      merged += fmt::format("{}{} {}", merged.empty() ? "" : ", ", rule.path, conflict::to_string(rule.rule));
    table.add({printable(name), std::string(conflict::to_string(rules.strategy)),
               printable(rules.compare_field), printable(merged)});
  };
  for (const auto& [name, entry] : policy.tables) add(name, policy.effective(name));
  add("every other", policy.effective(""));
  return table.render(look);
}

ExitCode check_config(const Options& options, const Invocation& invocation, Console& console) {
  auto settings = config::load_settings(
      {config::environment_of_process(), invocation.env_files, options.node}, config::Purpose::kNode);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, options.as_json);
  const auto policy = conflict::load_policy(*settings);
  if (!policy) return console.fail(policy.error(), ExitCode::kConfiguration, options.as_json);
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["settings"] = json::Json::array();
    for (const auto& shown : settings->shown) {
      document["settings"].push_back({{"key", shown.key}, {"value", shown.value}, {"origin", shown.origin}});
    }
    document["conflict_policy"] = conflict::to_json(*policy);
    console.print_document(document);
    return ExitCode::kOk;
  }
  Table table({{"KEY"}, {"VALUE"}, {"FROM"}});
  for (const auto& shown : settings->shown) {
    table.add(
        {shown.key, shown.value, {shown.origin, shown.origin == "default" ? Style::kFaint : Style::kPlain}});
  }
  console.print(table.render(console.out()) + "\n" + policy_page(*policy, console.out()) + "\n");
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
