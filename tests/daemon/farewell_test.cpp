#include "daemon/farewell.h"

#include <gtest/gtest.h>

namespace syncnode::daemon {
namespace {

using std::chrono::seconds;

const Deadline kStart = Deadline(seconds(1000));

TEST(Farewell, NobodyIsToldBeforeTheLeaseIsGivenBack) {
  Farewell farewell;
  int told = 0;
  farewell.wait([&] { ++told; }, kStart + seconds(4));
  farewell.look(kStart + seconds(3));
  EXPECT_EQ(told, 0);
  farewell.given_back();
  EXPECT_EQ(told, 1);
  farewell.given_back();
  farewell.look(kStart + seconds(9));
  EXPECT_EQ(told, 1) << "each is told once";
}

TEST(Farewell, WhoseTimeIsOverIsToldAllTheSame) {
  Farewell farewell;
  std::string told;
  farewell.wait([&] { told += "a"; }, kStart + seconds(9));
  farewell.wait([&] { told += "b"; }, kStart + seconds(4));
  farewell.look(kStart + seconds(4));
  EXPECT_EQ(told, "b");
  // Who asks again from inside waits for the next time.
  farewell.wait([&] { farewell.wait([&] { told += "d"; }, kStart); }, kStart);
  farewell.given_back();
  EXPECT_EQ(told, "ba");
  farewell.look(kStart);
  EXPECT_EQ(told, "bad");
}

}  // namespace
}  // namespace syncnode::daemon
