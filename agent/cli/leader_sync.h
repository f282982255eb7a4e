// A sync that a running node does, for `sync-nodectl sync`: asked for, followed to its end, shown. Refuses to
// take the lease; its caller does, when nobody leads here. Main thread.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"

namespace syncnode::cli {

struct LeaderSync {
  std::string client;
  bool full = false, as_json = false;
  NodeOptions node;
};

// Nothing when no node leads the client's cluster here and none was asked for by name.
std::optional<ExitCode> sync_by_leader(const LeaderSync& wanted, const Invocation& invocation,
                                       Console& console);

}  // namespace syncnode::cli
