#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/node_documents.h"
#include "cli/text.h"

namespace syncnode::cli {
namespace {

struct Options {
  NodeOptions node;
  bool as_json = false;
};

ExitCode leader(const Options& options, Node& node, Console& console) {
  auto health = node.health();
  if (!health) return console.fail(health.error(), exit_code_of_asking(health.error()), options.as_json);
  const auto& leads = health->leadership;
  const bool somebody = !leads.leader_id.empty();
  if (options.as_json) {
    console.print_document(leader_document(leads));
  } else if (somebody) {
    const std::string left = leads.lease_seconds_left ? fmt::format(", its lease lasts {} more",
                                                                    span_text(*leads.lease_seconds_left))
                                                      : "";
    console.print(fmt::format("{} leads {}, epoch {}{}\n", printable(leads.leader_id),
                              printable(leads.cluster_name), leads.epoch, left));
  } else {
    console.print(fmt::format("nobody leads {}, as far as {} knows\n", printable(leads.cluster_name),
                              printable(leads.node_id)));
  }
  return somebody ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace

void add_leader(CLI::App& root, Invocation& invocation) {
  auto* command = root.add_subcommand("leader", "Show which node leads; exit 1 when none does");
  auto options = std::make_shared<Options>();
  add_node_options(*command, options->node);
  add_json_flag(*command, options->as_json);
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) {
      return with_node(options->node, invocation, console, options->as_json,
                       [&](Node& node) { return leader(*options, node, console); });
    };
  });
}

}  // namespace syncnode::cli
