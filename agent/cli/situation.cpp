#include "cli/situation.h"

#include <fmt/format.h>

#include <algorithm>

namespace syncnode::cli {
namespace {

using control::DeploymentView;
using control::HealthWord;

constexpr int64_t kJobsLookedAt = 100;
constexpr double kLate = 30;  // seconds beyond two intervals
// As the leader does it (schedule/scheduler.h, daemon/shipped.h), in seconds.
constexpr double kLiveCheck = 60, kUnchanged = 6 * 3600;

bool worse(const DeploymentView& left, const DeploymentView& right) {
  const auto rank = [](const DeploymentView& client) {
    return std::pair(state_of(client), -client.lag_seconds.value_or(0));
  };
  return rank(left) < rank(right);
}

std::optional<double> last_seen(const std::vector<control::ClusterHostView>& hosts, const std::string& node) {
  for (const auto& host : hosts) {
    if (host.hostname.ends_with("/" + node)) return host.seconds_since_heartbeat;
  }
  return std::nullopt;
}

void look_at_silent_nodes(Node& node, Situation& situation) {
  const bool all_answer = std::all_of(situation.nodes.begin(), situation.nodes.end(),
                                      [](const NodeState& one) { return one.health.has_value(); });
  if (all_answer) return;
  const auto hosts = node.cluster();
  if (!hosts) return;  // when they were last seen stays unknown, ignoring
  for (auto& one : situation.nodes) {
    if (!one.health) one.seconds_since_seen = last_seen(*hosts, one.node);
  }
}

std::string unit_of(const NodeState& node) {
  const bool known = node.node == "node-a" || node.node == "node-b";
  return known ? fmt::format("sync-node@{}", node.node.back()) : "'sync-node@*'";
}

const NodeState* find_node(const Situation& situation, bool (*wanted)(const NodeState&)) {
  const auto found = std::find_if(situation.nodes.begin(), situation.nodes.end(), wanted);
  return found == situation.nodes.end() ? nullptr : &*found;
}

std::string journal_of(const NodeState& node) {
  return fmt::format("journalctl -u {} -n 50", unit_of(node));
}

std::string step_for(const DeploymentView& client) {
  switch (state_of(client)) {
    case ClientState::kFailing:
    case ClientState::kStarved:
      return fmt::format("sync-nodectl jobs {}", client.client_name);
    case ClientState::kHeld:
      return fmt::format("sync-nodectl held list {}", client.client_name);
    case ClientState::kConflicts:
      return fmt::format("sync-nodectl client show {}", client.client_name);
    case ClientState::kBehind:
      return fmt::format("sync-nodectl sync {}", client.client_name);
    case ClientState::kPaused:
    case ClientState::kFine:
      break;
  }
  return "";
}

// When nothing is wrong, but nothing is done either.
std::string step_for_idle(const Situation& situation) {
  if (!situation.clients) return "";
  if (situation.clients->empty()) return "sync-nodectl client register NAME --sqlite-path FILE";
  const bool all_paused =
      std::all_of(situation.clients->begin(), situation.clients->end(),
                  [](const auto& client) { return state_of(client) == ClientState::kPaused; });
  return all_paused ? fmt::format("sync-nodectl client resume {}", situation.clients->front().client_name)
                    : "";
}

}  // namespace

std::string_view to_string(ClientState state) {
  switch (state) {
    case ClientState::kFailing:
      return "failing";
    case ClientState::kStarved:
      return "starved";
    case ClientState::kHeld:
      return "held";
    case ClientState::kConflicts:
      return "conflicts";
    case ClientState::kBehind:
      return "behind";
    case ClientState::kPaused:
      return "paused";
    case ClientState::kFine:
      return "fine";
  }
  return "";
}

ClientState state_of(const DeploymentView& client) {
  const std::string& last = client.last_sync_status;
  if (last == "failed" || last == "fenced") return ClientState::kFailing;
  if (last == "starved") return ClientState::kStarved;
  if (client.held > 0) return ClientState::kHeld;
  if (client.open_conflicts > 0) return ClientState::kConflicts;
  if (!client.sync_enabled || client.status != "active") return ClientState::kPaused;
  const double interval = client.sync_interval == 0 ? kLiveCheck : static_cast<double>(client.sync_interval);
  double limit = 2 * interval + kLate;
  if (client.checked_seconds)
    return *client.checked_seconds > limit ? ClientState::kBehind : ClientState::kFine;
  // Who does not lead does not know whether it was looked at; one that does not change is synced this seldom.
  limit += kUnchanged;
  return client.lag_seconds.value_or(limit + 1) > limit ? ClientState::kBehind : ClientState::kFine;
}

Situation look(Node& node) {
  Situation situation;
  for (auto& answer : node.all()) {
    NodeState state{answer.node, std::nullopt, "", std::nullopt};
    if (answer.health) {
      situation.cluster_name = answer.health->leadership.cluster_name;
      state.health = std::move(*answer.health);
    } else {
      state.silence = answer.health.error().message;
    }
    situation.nodes.push_back(std::move(state));
  }
  look_at_silent_nodes(node, situation);
  auto clients = node.deployments();
  if (!clients) {
    situation.clients_unknown = std::move(clients).error();
    return situation;
  }
  std::stable_sort(clients->begin(), clients->end(), worse);
  situation.clients = std::move(*clients);
  if (auto jobs = node.jobs("", kJobsLookedAt)) {
    situation.jobs = std::move(*jobs);
    std::erase_if(situation.jobs,
                  [](const auto& job) { return job.status != "running" && job.status != "pending"; });
  }
  return situation;
}

const NodeState* leader_of(const Situation& situation) {
  return find_node(situation,
                   [](const NodeState& node) { return node.health && node.health->leadership.is_leader; });
}

HealthWord verdict(const Situation& situation) {
  const bool none_able = std::none_of(
      situation.nodes.begin(), situation.nodes.end(),
      [](const NodeState& node) { return node.health && node.health->status != HealthWord::kUnhealthy; });
  if (none_able) return HealthWord::kUnhealthy;
  const bool all_well = std::all_of(
      situation.nodes.begin(), situation.nodes.end(),
      [](const NodeState& node) { return node.health && node.health->status == HealthWord::kHealthy; });
  const bool clients_well = !situation.clients || situation.clients->empty() ||
                            state_of(situation.clients->front()) >= ClientState::kPaused;
  return all_well && clients_well ? HealthWord::kHealthy : HealthWord::kDegraded;
}

ExitCode exit_code_of(HealthWord verdict) {
  switch (verdict) {
    case HealthWord::kHealthy:
      return ExitCode::kOk;
    case HealthWord::kDegraded:
      return ExitCode::kNeedsPerson;
    case HealthWord::kUnhealthy:
      break;
  }
  return ExitCode::kFailed;
}

std::string next_step(const Situation& situation) {
  const auto* sick = find_node(situation, [](const NodeState& node) {
    return node.health && node.health->status == HealthWord::kUnhealthy;
  });
  if (sick != nullptr) return journal_of(*sick);
  const DeploymentView* first =
      situation.clients && !situation.clients->empty() ? &situation.clients->front() : nullptr;
  if (first != nullptr && state_of(*first) == ClientState::kFailing) return step_for(*first);
  const auto* silent = find_node(situation, [](const NodeState& node) { return !node.health; });
  if (silent != nullptr) return fmt::format("systemctl start {}", unit_of(*silent));
  if (first != nullptr && state_of(*first) < ClientState::kPaused) return step_for(*first);
  const auto* degraded = find_node(
      situation, [](const NodeState& node) { return node.health->status == HealthWord::kDegraded; });
  if (degraded != nullptr) return journal_of(*degraded);
  if (situation.clients_unknown) return "sudo sync-nodectl status";
  return step_for_idle(situation);
}

}  // namespace syncnode::cli
