#include <memory>

#include "cli/command.h"
#include "cli/node_documents.h"
#include "cli/status_page.h"

namespace syncnode::cli {
namespace {

struct Options {
  NodeOptions node;
  bool as_json = false;
};

ExitCode status(const Options& options, Node& node, Console& console) {
  const Situation situation = look(node);
  if (options.as_json) {
    console.print_document(status_document(situation));
  } else {
    console.print(status_page(situation, console.out()));
  }
  return exit_code_of(verdict(situation));
}

}  // namespace

void add_status(CLI::App& root, Invocation& invocation) {
  auto* command =
      root.add_subcommand("status", "Show nodes, clients and jobs, worst first, and what to type next");
  auto options = std::make_shared<Options>();
  add_node_options(*command, options->node);
  add_json_flag(*command, options->as_json);
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) {
      return with_node(options->node, invocation, console, options->as_json,
                       [&](Node& node) { return status(*options, node, console); });
    };
  });
}

}  // namespace syncnode::cli
