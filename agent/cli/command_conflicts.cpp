#include <memory>

#include "cli/command.h"
#include "cli/conflict_queue.h"
#include "cli/conflicts_page.h"
#include "cli/database.h"

namespace syncnode::cli {
namespace {

struct Options {
  std::string client, id;
  int64_t limit = 100;
  bool also_resolved = false, as_json = false;
};

ExitCode list(const Options& options, ConflictQueue& queue, Console& console) {
  auto conflicts = queue.list({options.client, options.limit, options.also_resolved});
  if (!conflicts) return console.fail(conflicts.error(), options.as_json);
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["conflicts"] = json::Json::array();
    for (const auto& one : *conflicts) document["conflicts"].push_back(conflict_document(one));
    console.print_document(document);
  } else if (conflicts->empty()) {
    console.print(options.also_resolved ? "there was no conflict\n" : "no conflict waits for a person\n");
  } else {
    console.print(conflicts_page(*conflicts, console.out()));
  }
  return ExitCode::kOk;
}

ExitCode show(const Options& options, ConflictQueue& queue, Console& console) {
  auto found = queue.find(options.id);
  if (!found) return console.fail(found.error(), exit_code_of_asking(found.error()), options.as_json);
  const auto detail = control::detail_of(*std::move(found));
  if (options.as_json) {
    json::Json document;
    document["version"] = 1;
    document["conflict"] = detail_document(detail);
    console.print_document(document);
  } else {
    console.print(conflict_page(detail, console.out()));
  }
  return ExitCode::kOk;
}

using Verb = ExitCode (*)(const Options&, ConflictQueue&, Console&);

void on_parsed(CLI::App& command, Invocation& invocation, const std::shared_ptr<Options>& options,
               Verb verb) {
  command.callback([&invocation, options, verb] {
    invocation.run = [&invocation, options, verb](Console& console) {
      auto settings = load_settings(invocation, config::Purpose::kCommand);
      if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, options->as_json);
      auto queue = ConflictQueue::open(*settings);
      if (!queue) return console.fail(queue.error(), options->as_json);
      return verb(*options, *queue, console);
    };
  });
}

}  // namespace

void add_conflicts(CLI::App& root, Invocation& invocation) {
  auto* conflicts = root.add_subcommand("conflicts", "Rows that changed on both sides");
  conflicts->require_subcommand(1);
  auto options = std::make_shared<Options>();

  auto* many = conflicts->add_subcommand("list", "List the conflicts that wait for a person");
  add_client_name(*many, options->client, false);
  many->add_flag("--all", options->also_resolved, "resolved ones too");
  many->add_option("--limit", options->limit, "how many")
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  add_json_flag(*many, options->as_json);
  on_parsed(*many, invocation, options, list);

  auto* one = conflicts->add_subcommand("show", "Show what differs in one conflict");
  one->add_option("ID", options->id, "the conflict's id, or its beginning")->type_name("")->required();
  add_json_flag(*one, options->as_json);
  on_parsed(*one, invocation, options, show);

  add_conflicts_resolve(*conflicts, invocation);
}

}  // namespace syncnode::cli
