#include "cli/command.h"

namespace syncnode::cli {

void add_client(CLI::App& root, Invocation& invocation) {
  auto* group = root.add_subcommand("client", "The clients of this cluster");
  group->require_subcommand(1);
  add_client_register(*group, invocation);
  add_client_list(*group, invocation);
  add_client_show(*group, invocation);
  add_client_schedule(*group, invocation);
  add_client_deregister(*group, invocation);
  add_client_inspect(*group, invocation);
}

}  // namespace syncnode::cli
