#include "base/clock.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <climits>
#include <ctime>

namespace syncnode {

BootClock::time_point BootClock::now() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

int poll_milliseconds(Deadline deadline) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - BootClock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, INT_MAX));
}

std::string wall_clock_iso8601() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}+00:00", fmt::gmtime(std::time(nullptr)));
}

}  // namespace syncnode
