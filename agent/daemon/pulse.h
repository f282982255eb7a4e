// Pulse: tells loops that turn from loops that stand still, for the watchdog and the health. Refuses to feed
// anything: it only compares counters. look() on one thread, stalled() on any.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"

namespace syncnode::daemon {

class Pulse {
 public:
  explicit Pulse(std::chrono::seconds patience) : patience_(patience) {}

  // `turns` grows at least every few seconds while the loop lives. Before the first look().
  void watch(std::string name, std::function<uint64_t()> turns);
  void look(Deadline now);
  std::vector<std::string> stalled() const;  // as of the last look()

 private:
  struct Loop {
    std::string name;
    std::function<uint64_t()> turns;
    uint64_t last = 0;
    Deadline changed{};
  };
  const std::chrono::seconds patience_;
  std::vector<Loop> loops_;
  mutable std::mutex mutex_;
  std::vector<std::string> stalled_;
};

}  // namespace syncnode::daemon
