#include "daemon/pulse.h"

#include <gtest/gtest.h>

namespace syncnode::daemon {
namespace {

using std::chrono::seconds;

TEST(Pulse, TellsALoopThatStandsStillFromOneThatTurns) {
  uint64_t turning = 1, standing = 7;
  Pulse pulse(seconds(20));
  pulse.watch("turning", [&] { return turning; });
  pulse.watch("standing", [&] { return standing; });
  const Deadline start = BootClock::now();
  for (int second = 0; second < 20; ++second) {
    ++turning;
    pulse.look(start + seconds(second));
    EXPECT_TRUE(pulse.stalled().empty()) << second;
  }
  ++turning;
  pulse.look(start + seconds(22));
  EXPECT_EQ(pulse.stalled(), std::vector<std::string>{"standing"});
  ++standing;
  pulse.look(start + seconds(23));
  EXPECT_TRUE(pulse.stalled().empty());
}

// A host that slept wakes with an old pulse; the loops get their time before they are called dead.
TEST(Pulse, OneLookAfterALongSleepCondemnsOnlyWhatStillStands) {
  uint64_t turns = 0;
  Pulse pulse(seconds(20));
  pulse.watch("loop", [&] { return turns; });
  const Deadline start = BootClock::now();
  ++turns;
  pulse.look(start + seconds(3600));
  EXPECT_TRUE(pulse.stalled().empty());
}

}  // namespace
}  // namespace syncnode::daemon
