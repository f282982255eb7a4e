#include "daemon/due_policy.h"

#include <algorithm>

namespace syncnode::daemon {

DuePolicy::Choice DuePolicy::choose(const std::vector<DueClient>& clients, Deadline now) const {
  Choice choice{nullptr, now + kLongestWait};
  Deadline most_overdue = Deadline::max();
  for (const auto& client : clients) {
    Deadline due = now + client.due_in;
    auto state = states_.find(client.name);
    if (state != states_.end()) due = std::max(due, state->second.not_before);
    if (due > now) {
      choice.look_again = std::min(choice.look_again, due);
    } else if (due < most_overdue) {
      most_overdue = due;
      choice.client = &client;
    }
  }
  return choice;
}

void DuePolicy::succeeded(const DueClient& client, Deadline now) {
  // Up to a tenth of the interval late, a new tenth each time.
  states_[client.name] = {now + client.interval + jitter(client.interval / 10), std::chrono::seconds(0)};
}

void DuePolicy::failed(const DueClient& client, Deadline now) {
  State& state = states_[client.name];
  auto longest = std::max(kLongestBackoff, client.interval);
  state.backoff = state.backoff.count() == 0 ? kFirstBackoff : std::min(state.backoff * 2, longest);
  state.not_before = now + state.backoff + jitter(state.backoff / 5);
}

std::chrono::nanoseconds DuePolicy::jitter(std::chrono::seconds span) {
  // xorshift64: any spread will do, and a seed makes it repeatable.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  auto most = static_cast<uint64_t>(std::max<int64_t>(std::chrono::nanoseconds(span).count(), 1));
  return std::chrono::nanoseconds(static_cast<int64_t>(random_ % most));
}

}  // namespace syncnode::daemon
