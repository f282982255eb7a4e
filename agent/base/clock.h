// Clocks: every duration and deadline is counted on CLOCK_BOOTTIME, which goes on while the host sleeps, so a
// lease cannot outlive a suspend (docs/DESIGN.md, "Time"). The wall clock is for log lines, for ages that
// are told, and for comparison with what rows hold. Any thread.
#pragma once

#include <chrono>
#include <string>

namespace syncnode {

// Meets the Clock requirements of std::chrono; steady, includes suspend.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
  static time_point now();
};

using Deadline = BootClock::time_point;

inline Deadline deadline_in(BootClock::duration wait) {
  return BootClock::now() + wait;
}
// Milliseconds left for poll(2): at least 0, rounded up.
int poll_milliseconds(Deadline deadline);

// "2025-10-10T12:00:00+00:00", UTC, the form the reference's log lines use.
std::string wall_clock_iso8601();

}  // namespace syncnode
