// TrailLooks: looks at a trail every ten milliseconds for as long as it lives: a run that is busy with rows,
// its memory or its spool comes back too late for a log that begins anew several times a second. Refuses to
// say anything. A thread of its own, which it joins; the trail outlives it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "capture/changed_pages.h"

namespace syncnode::capture {

class TrailLooks {
 public:
  // Throws std::system_error where the host has no thread left.
  explicit TrailLooks(Trail& trail)
      : thread_([&trail](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any ended;
          std::unique_lock lock(mutex);
          while (!ended.wait_for(lock, stop, kEvery, [&stop] { return stop.stop_requested(); })) trail.look();
        }) {}

 private:
  static constexpr std::chrono::milliseconds kEvery{10};
  std::jthread thread_;
};

}  // namespace syncnode::capture
