// TrailLooks: looks at a trail every ten milliseconds for as long as it lives, and at once where that asks
// for it: a run that is busy with rows, its memory or its spool comes back too late for a log that begins
// anew several times a second, or for a journal. Refuses to say anything. A thread of its own, which it
// joins; the trail outlives it.
#pragma once

#include <stop_token>
#include <thread>

#include "capture/changed_pages.h"

namespace syncnode::capture {

class TrailLooks {
 public:
  // Throws std::system_error where the host has no thread left.
  explicit TrailLooks(Trail& trail)
      : thread_([&trail](const std::stop_token& stop) { look_until_stopped(trail, stop); }) {}

 private:
  static void look_until_stopped(Trail& trail, const std::stop_token& stop);
  std::jthread thread_;
};

}  // namespace syncnode::capture
