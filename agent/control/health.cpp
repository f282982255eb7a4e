#include "control/health.h"

#include <fmt/format.h>

#include <algorithm>

namespace syncnode::control {
namespace {

double seconds(BootClock::duration span) {
  return std::chrono::duration<double>(span).count();
}

class Verdict {
 public:
  explicit Verdict(HealthView& view) : view_(view) { view_.status = HealthWord::kHealthy; }
  void at_least(HealthWord word, std::string reason) {
    view_.status = std::max(view_.status, word);
    view_.reasons.push_back(std::move(reason));
  }

 private:
  HealthView& view_;
};

void judge_database(const HealthFacts& facts, HealthView& view, Verdict& verdict) {
  view.database_reachable = facts.contact.reachable;
  if (facts.contact.last) view.database_seconds_since_contact = seconds(facts.now - *facts.contact.last);
  if (facts.contact.kept_waiting) {
    verdict.at_least(HealthWord::kDegraded,
                     fmt::format("the pooler has had no server connection to spare for {:.0f} s",
                                 view.database_seconds_since_contact.value_or(0)));
  }
  if (facts.contact.reachable) return;
  const auto silent_since = facts.contact.last.value_or(facts.started);
  const auto word = facts.now - silent_since > facts.lease ? HealthWord::kUnhealthy : HealthWord::kDegraded;
  const auto why = facts.contact.last_error.empty() ? "not asked yet" : facts.contact.last_error;
  verdict.at_least(word, fmt::format("no answer from the database for {:.0f} s: {}",
                                     seconds(facts.now - silent_since), why));
}

void judge_clients(const HealthFacts& facts, HealthView& view, Verdict& verdict) {
  if (!facts.clients) return;
  view.clients = static_cast<int64_t>(facts.clients->size());
  const auto count = [&](bool ClientFacts::*what) {
    return std::count_if(facts.clients->begin(), facts.clients->end(),
                         [what](const ClientFacts& client) { return client.*what; });
  };
  view.clients_failing = count(&ClientFacts::failing);
  view.clients_starved = count(&ClientFacts::starved);
  view.clients_held = count(&ClientFacts::held);
  for (const ClientFacts& client : *facts.clients) {
    if (client.lag_seconds && (!view.worst_lag_seconds || *client.lag_seconds > *view.worst_lag_seconds)) {
      view.worst_lag_seconds = client.lag_seconds;
      view.worst_lag_client = client.name;
    }
  }
  if (*view.clients_failing > 0)
    verdict.at_least(HealthWord::kDegraded, fmt::format("{} clients fail", *view.clients_failing));
  for (const ClientFacts& client : *facts.clients) {
    if (!client.moved) continue;
    verdict.at_least(HealthWord::kDegraded,
                     fmt::format("the container of client '{0}' was recreated with another volume, which is "
                                 "not synced: sync-nodectl client show {0} tells what to do",
                                 client.name));
  }
  if (*view.clients_starved > 0)
    verdict.at_least(HealthWord::kDegraded,
                     fmt::format("{} clients leave no quiet moment to read", *view.clients_starved));
}

}  // namespace

HealthView judge(const HealthFacts& facts) {
  HealthView view;
  Verdict verdict(view);
  view.leadership = facts.leadership;
  view.uptime_seconds = seconds(facts.now - facts.started);
  judge_database(facts, view, verdict);
  judge_clients(facts, view, verdict);
  if (facts.contact.reachable && facts.leadership.leader_id.empty())
    verdict.at_least(HealthWord::kDegraded, "no node leads");
  for (const std::string& loop : facts.stalled)
    verdict.at_least(HealthWord::kUnhealthy, fmt::format("the {} loop stands still", loop));
  return view;
}

}  // namespace syncnode::control
