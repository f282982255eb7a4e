// A job that a running node does, for `sync-nodectl sync` and `verify`: asked for, followed to its end,
// shown. Refuses to take the lease; its caller does, when nobody leads here. Main thread.
#pragma once

#include <functional>
#include <optional>

#include "cli/command.h"

namespace syncnode::cli {

struct LeaderJob {
  control::TriggerRequest request;
  bool as_json = false;
  NodeOptions node;
  // Shows a job that is over; the command's exit code.
  std::function<ExitCode(const control::JobView& job, Console& console)> show;
};

// Nothing when no node leads the client's cluster here and none was asked for by name.
std::optional<ExitCode> done_by_leader(const LeaderJob& wanted, const Invocation& invocation,
                                       Console& console);

}  // namespace syncnode::cli
