// ReadAttempts: how often one run reads a source whose snapshots break under its hands, and how long it
// leaves the application alone before it reads again. Each attempt costs the application a little, so they
// come ever less often. Value type, one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <stop_token>

#include "base/pause.h"

namespace syncnode::sync {

class ReadAttempts {
 public:
  int broken() const { return broken_; }
  // After a snapshot broke: false when that was the last attempt; else waits, less long when `stop` is
  // requested.
  bool again(const std::stop_token& stop) {
    if (++broken_ >= kMost) return false;
    pause(pause_, stop);
    pause_ = std::min(2 * pause_, kLongestPause);
    return true;
  }

 private:
  static constexpr int kMost = 12;
  static constexpr std::chrono::milliseconds kLongestPause{640};
  int broken_ = 0;
  std::chrono::milliseconds pause_{10};
};

}  // namespace syncnode::sync
