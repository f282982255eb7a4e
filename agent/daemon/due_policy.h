// When a node syncs which client: the server says how long each interval still runs, this adds jitter, so
// that many clients do not come due together, and lets a failing client back off alone. Pure: `now` is given.
// One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

namespace syncnode::daemon {

// What client_due.sql answers.
struct DueClient {
  std::string name;
  std::chrono::seconds due_in{0};  // by the server's clock; negative: overdue
  std::chrono::seconds interval{0};
};

class DuePolicy {
 public:
  explicit DuePolicy(uint64_t seed) : random_(seed | 1) {}

  struct Choice {
    const DueClient* client = nullptr;  // to sync now, one of those given; none: wait
    Deadline look_again;
  };
  Choice choose(const std::vector<DueClient>& clients, Deadline now) const;

  void succeeded(const DueClient& client, Deadline now);
  // 5 s, then twice as long each time, at most the greater of 5 min and the interval.
  void failed(const DueClient& client, Deadline now);

  static constexpr std::chrono::seconds kFirstBackoff{5};
  static constexpr std::chrono::seconds kLongestBackoff{300};
  static constexpr std::chrono::seconds kLongestWait{10};  // new clients are noticed within this

 private:
  struct State {
    Deadline not_before;
    std::chrono::seconds backoff{0};
  };
  std::chrono::nanoseconds jitter(std::chrono::seconds span);
  std::map<std::string, State> states_;
  uint64_t random_;
};

}  // namespace syncnode::daemon
