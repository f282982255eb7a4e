#include "capture/trail_looks.h"

#include <poll.h>

#include "base/thread_priority.h"

namespace syncnode::capture {
namespace {

constexpr int kEveryMilliseconds = 10;

}  // namespace

// A stop waits for the end of one pause.
void TrailLooks::look_until_stopped(Trail& trail, const std::stop_token& stop) {
  const FullShare share;  // it has little to do, and no time
  while (!stop.stop_requested()) {
    trail.look();
    const auto wake = trail.wake();
    pollfd waits{wake ? wake->get() : -1, POLLIN, 0};
    ::poll(&waits, 1, kEveryMilliseconds);
  }
}

}  // namespace syncnode::capture
