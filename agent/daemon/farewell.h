// Farewell: who waits for the lease to be given back before the host sleeps or stops (logind, through the bus
// door). Each is told once: when nothing is held any more, or when its time is over. Thread-safe; tells
// outside its lock.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace syncnode::daemon {

class Farewell {
 public:
  void wait(std::function<void()> done, Deadline by) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(done), by});
  }
  void given_back() { tell(Deadline::max()); }
  void look(Deadline now) { tell(now); }  // for those whose time is over

 private:
  struct Waiting {
    std::function<void()> done;
    Deadline by;
  };

  void tell(Deadline until) {
    std::vector<Waiting> told;
    {
      const std::lock_guard lock(mutex_);
      for (size_t i = 0; i < waiting_.size();) {
        if (waiting_[i].by > until) {
          ++i;
          continue;
        }
        told.push_back(std::move(waiting_[i]));
        waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    for (const Waiting& one : told) one.done();
  }

  std::mutex mutex_;
  std::vector<Waiting> waiting_;
};

}  // namespace syncnode::daemon
