// Who gives way, when, and for how long at most.
#include "base/right_of_way.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace syncnode {
namespace {

using namespace std::chrono_literals;

// Far more than any of these waits may last, in a build that is slow.
constexpr auto kNever = 1h;

TEST(RightOfWay, NobodyWaitsForWhatIsNotAnnounced) {
  RightOfWay renewal;
  renewal.give_way();
  renewal.announce(BootClock::now() + kNever);
  renewal.give_way();
  renewal.announce(BootClock::now() - kNever);
  renewal.give_way();
  renewal.announce(BootClock::now());
  renewal.passed();
  renewal.give_way();
}

TEST(RightOfWay, WhoComesAMomentBeforeWaitsForTheAnswer) {
  RightOfWay renewal;
  const Deadline at = BootClock::now() + kNever;
  renewal.announce(at);
  auto bulk = std::async(std::launch::async, [&] { renewal.give_way(at - RightOfWay::kLead); });
  EXPECT_EQ(bulk.wait_for(20ms), std::future_status::timeout);
  renewal.passed();
  bulk.get();
}

TEST(RightOfWay, TheNextOneAnnouncedEndsTheOneBefore) {
  RightOfWay renewal;
  const Deadline at = BootClock::now() + kNever;
  renewal.announce(at);
  std::thread bulk([&] { renewal.give_way(at); });
  renewal.announce(at + kNever);
  bulk.join();
}

TEST(RightOfWay, NobodyWaitsForLongWhateverBecomesOfIt) {
  RightOfWay renewal;
  const Deadline at = BootClock::now();
  renewal.announce(at);
  renewal.give_way();
  EXPECT_GE(BootClock::now(), at + RightOfWay::kMost);
  renewal.give_way(at + RightOfWay::kMost + 1ns);
}

}  // namespace
}  // namespace syncnode
