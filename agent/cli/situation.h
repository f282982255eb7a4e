// Situation: what is known of a cluster at one moment, as `status` shows it, and what follows from it: which
// client needs attention first, how it stands as a whole, and what to type next. Asking is one function; all
// else is pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/exit_code.h"
#include "cli/node.h"

namespace syncnode::cli {

struct NodeState {
  std::string node;                           // "node-a"
  std::optional<control::HealthView> health;  // nothing: it does not answer
  std::string silence;                        // why not
  std::optional<double> seconds_since_seen;   // its last heartbeat, when it does not answer
};

// Worst first. Starved: the application leaves no quiet moment to read its file.
enum class ClientState { kFailing, kStarved, kHeld, kConflicts, kBehind, kPaused, kFine };
std::string_view to_string(ClientState state);  // "failing", …

struct Situation {
  std::string cluster_name;
  std::vector<NodeState> nodes;
  std::optional<std::vector<control::DeploymentView>> clients;  // worst first; nothing: not known
  std::optional<Error> clients_unknown;                         // why not
  std::vector<control::JobView> jobs;                           // running and waiting
};

Situation look(Node& node);

ClientState state_of(const control::DeploymentView& client);
const NodeState* leader_of(const Situation& situation);  // nullptr: none of those that answer

// kUnhealthy: no node that answers can do its duty. kDegraded: anything a person should look at.
control::HealthWord verdict(const Situation& situation);
ExitCode exit_code_of(control::HealthWord verdict);

std::string next_step(const Situation& situation);  // a command; "" when nothing needs a person

}  // namespace syncnode::cli
