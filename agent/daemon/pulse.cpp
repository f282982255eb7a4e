#include "daemon/pulse.h"

#include <utility>

namespace syncnode::daemon {

void Pulse::watch(std::string name, std::function<uint64_t()> turns) {
  const uint64_t first = turns();
  loops_.push_back({std::move(name), std::move(turns), first, BootClock::now()});
}

void Pulse::look(Deadline now) {
  std::vector<std::string> stalled;
  for (Loop& loop : loops_) {
    const uint64_t turns = loop.turns();
    if (turns != loop.last) {
      loop.last = turns;
      loop.changed = now;
    } else if (now - loop.changed > patience_) {
      stalled.push_back(loop.name);
    }
  }
  const std::lock_guard lock(mutex_);
  stalled_ = std::move(stalled);
}

std::vector<std::string> Pulse::stalled() const {
  const std::lock_guard lock(mutex_);
  return stalled_;
}

}  // namespace syncnode::daemon
