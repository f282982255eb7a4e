#include "cli/status_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/text.h"

namespace syncnode::cli {
namespace {

using control::DeploymentView;
using control::HealthWord;

constexpr size_t kClientsShown = 12;  // with the rest, a screen of 24 lines
constexpr size_t kJobsShown = 5;
constexpr double kAsGoodAs = 30;  // seconds: an age that differs less is not worth a second figure
const Table::Cell kUnknown{"–", Style::kFaint};

Style style_of(HealthWord word) {
  return word == HealthWord::kHealthy    ? Style::kGood
         : word == HealthWord::kDegraded ? Style::kWarning
                                         : Style::kBad;
}

Style style_of(ClientState state) {
  switch (state) {
    case ClientState::kFailing:
    case ClientState::kStarved:
      return Style::kBad;
    case ClientState::kHeld:
    case ClientState::kConflicts:
    case ClientState::kBehind:
      return Style::kWarning;
    case ClientState::kPaused:
      return Style::kFaint;
    case ClientState::kFine:
      break;
  }
  return Style::kGood;
}

std::string one_line(const std::string& text, const Look& look) {
  return (look.columns > 0 ? fit(text, look.columns) : text) + "\n";
}

std::string heading(const Situation& situation, const Look& look) {
  const HealthWord word = verdict(situation);
  const NodeState* leader = leader_of(situation);
  return fmt::format(
      "cluster {} is {}: {}\n", painted(Style::kStrong, printable(situation.cluster_name), look),
      painted(style_of(word), std::string(control::to_string(word)), look),
      leader == nullptr ? painted(Style::kBad, "no node leads", look) : leader->node + " leads");
}

std::string role_of(const control::HealthView& health) {
  return health.leadership.is_leader ? "leader" : "standby";
}

void add_node(Table& table, const NodeState& node) {
  if (!node.health) {
    const std::string seen =
        node.seconds_since_seen ? "seen " + span_text(*node.seconds_since_seen) + " ago" : "never seen";
    table.add({node.node,
               {"no answer", Style::kBad},
               {seen, Style::kFaint},
               kUnknown,
               kUnknown,
               kUnknown,
               kUnknown});
    return;
  }
  const auto& health = *node.health;
  const auto& leads = health.leadership;
  table.add({node.node,
             {std::string(control::to_string(health.status)), style_of(health.status)},
             {role_of(health), leads.is_leader ? Style::kStrong : Style::kPlain},
             leads.epoch > 0 ? Table::Cell(std::to_string(leads.epoch)) : kUnknown,
             leads.lease_seconds_left ? Table::Cell(span_text(*leads.lease_seconds_left)) : kUnknown,
             span_text(health.uptime_seconds),
             printable(health.version)});
}

std::string nodes_part(const Situation& situation, const Look& look) {
  Table table({{"NODE"},
               {"HEALTH"},
               {"ROLE"},
               {"EPOCH", Table::Align::kRight},
               {"LEASE LEFT", Table::Align::kRight},
               {"UP", Table::Align::kRight},
               {"VERSION"}});
  std::string reasons;
  for (const auto& node : situation.nodes) {
    add_node(table, node);
    if (!node.health && !node.silence.empty())
      reasons += one_line(fmt::format("  {}: {}", node.node, printable(node.silence)), look);
    if (!node.health) continue;
    for (const auto& reason : node.health->reasons)
      reasons += one_line(fmt::format("  {}: {}", node.node, printable(reason)), look);
  }
  return table.render(look) + reasons;
}

Table::Cell schedule_cell(const DeploymentView& client) {
  if (client.status != "active") return {printable(client.status), Style::kFaint};
  if (!client.sync_enabled) return {"by hand", Style::kFaint};
  if (client.sync_interval == 0) return {"live"};
  return {"every " + span_text(static_cast<double>(client.sync_interval))};
}

// A client that did not change is looked at, not synced.
Table::Cell synced_cell(const DeploymentView& client) {
  if (!client.lag_seconds) return {"never", Style::kWarning};
  std::string text = age_text(*client.lag_seconds);
  if (client.checked_seconds && *client.checked_seconds + kAsGoodAs < *client.lag_seconds)
    text += ", checked " + age_text(*client.checked_seconds);
  return text;
}

// What happened; the hint behind it is for whoever looks closer.
std::string reason_of(const std::string& error) {
  std::string reason = error.substr(0, error.find("; hint: "));
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  return printable(reason);
}

// A reason helps while it applies; of a client that is fine again it would only frighten.
std::string trouble_of(const DeploymentView& client) {
  const ClientState state = state_of(client);
  if (state == ClientState::kFailing || state == ClientState::kStarved) return reason_of(client.last_error);
  if (state == ClientState::kHeld) return fmt::format("{} held until a person decides", client.held);
  if (state == ClientState::kConflicts) return fmt::format("{} open conflicts", client.open_conflicts);
  return "";
}

std::string tally(const std::vector<DeploymentView>& clients) {
  std::map<ClientState, int> counts;
  for (const auto& client : clients) ++counts[state_of(client)];
  std::string line = fmt::format("{} client{}:", clients.size(), clients.size() == 1 ? "" : "s");
  for (const auto& [state, count] : counts)
    line += fmt::format("{} {} {}", line.ends_with(':') ? "" : ",", count, to_string(state));
  return line + "\n";
}

std::string clients_part(const Situation& situation, const Look& look) {
  if (situation.clients_unknown) {
    return one_line(
        fmt::format("the clients are not known: {}", printable(situation.clients_unknown->message)), look);
  }
  if (!situation.clients || situation.clients->empty()) return "no client is registered\n";
  const auto& clients = *situation.clients;
  const bool any_trouble = !trouble_of(clients.front()).empty();
  std::vector<Table::Column> columns{{"CLIENT"}, {"STATE"}, {"SYNCED"}, {"SCHEDULE"}};
  if (any_trouble) columns.push_back({"WHY"});
  Table table(columns);
  for (size_t i = 0; i < clients.size() && i < kClientsShown; ++i) {
    const auto& client = clients[i];
    const ClientState state = state_of(client);
    std::vector<Table::Cell> row{printable(client.client_name),
                                 {std::string(to_string(state)), style_of(state)},
                                 synced_cell(client),
                                 schedule_cell(client)};
    if (any_trouble) row.push_back(trouble_of(client));
    table.add(std::move(row));
  }
  std::string part = table.render(look);
  if (clients.size() > kClientsShown)
    part += fmt::format("… and {} more (--json lists all)\n", clients.size() - kClientsShown);
  return part + tally(clients);
}

std::string jobs_part(const Situation& situation, const Look& look) {
  std::string part;
  for (size_t i = 0; i < situation.jobs.size() && i < kJobsShown; ++i) {
    const auto& job = situation.jobs[i];
    const bool by_interval = job.triggered_by == "scheduled";
    part += one_line(fmt::format("{} job {} of {}: {}, {}{}", job.status == "running" ? "running" : "waiting",
                                 job.job_id.substr(0, 8), printable(job.client_name), job.sync_type,
                                 by_interval ? "by its interval" : "asked for by ",
                                 by_interval ? "" : printable(job.triggered_by)),
                     look);
  }
  if (situation.jobs.size() > kJobsShown)
    part += fmt::format("… and {} more jobs (sync-nodectl jobs)\n", situation.jobs.size() - kJobsShown);
  return part;
}

}  // namespace

std::string status_page(const Situation& situation, const Look& look) {
  std::string page = heading(situation, look) + "\n" + nodes_part(situation, look) + "\n" +
                     clients_part(situation, look) + jobs_part(situation, look);
  const std::string next = next_step(situation);
  page += next.empty() ? "\nnothing needs you\n"
                       : fmt::format("\n{} {}\n", painted(Style::kStrong, "next:", look), next);
  return page;
}

}  // namespace syncnode::cli
