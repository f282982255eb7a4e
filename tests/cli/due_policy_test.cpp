#include "daemon/due_policy.h"

#include <gtest/gtest.h>

namespace syncnode::daemon {
namespace {

using std::chrono::seconds;

const Deadline kStart = Deadline(seconds(1000));

TEST(DuePolicy, TakesTheMostOverdueClient) {
  DuePolicy policy(1);
  std::vector<DueClient> clients = {
      {"a", seconds(-5), seconds(300)}, {"b", seconds(-50), seconds(300)}, {"c", seconds(3), seconds(300)}};
  auto choice = policy.choose(clients, kStart);
  ASSERT_NE(choice.client, nullptr);
  EXPECT_EQ(choice.client->name, "b");
}

TEST(DuePolicy, WaitsForTheNextDueClientButNotLongerThanForNewOnes) {
  DuePolicy policy(1);
  EXPECT_EQ(policy.choose({{"a", seconds(3), seconds(300)}}, kStart).look_again, kStart + seconds(3));
  EXPECT_EQ(policy.choose({{"a", seconds(300), seconds(300)}}, kStart).look_again,
            kStart + DuePolicy::kLongestWait);
  EXPECT_EQ(policy.choose({}, kStart).client, nullptr);
}

TEST(DuePolicy, AddsUpToATenthOfTheInterval) {
  DuePolicy policy(7);
  DueClient client{"a", seconds(0), seconds(100)};
  Deadline earliest = Deadline::max(), latest = Deadline::min();
  for (int i = 0; i < 200; ++i) {
    policy.succeeded(client, kStart);
    // The instant from which it is chosen, found by bisection.
    Deadline low = kStart, high = kStart + seconds(200);
    while (high - low > std::chrono::milliseconds(1)) {
      Deadline middle = low + (high - low) / 2;
      (policy.choose({client}, middle).client == nullptr ? low : high) = middle;
    }
    earliest = std::min(earliest, high);
    latest = std::max(latest, high);
  }
  EXPECT_GE(earliest, kStart + seconds(100));
  EXPECT_LE(latest, kStart + seconds(110) + std::chrono::milliseconds(2));
  EXPECT_GT(latest - earliest, seconds(7));
}

TEST(DuePolicy, LetsAFailingClientBackOffAlone) {
  DuePolicy policy(1);
  DueClient bad{"bad", seconds(-100), seconds(10)}, good{"good", seconds(-1), seconds(10)};
  policy.failed(bad, kStart);
  EXPECT_EQ(policy.choose({bad, good}, kStart + seconds(1)).client->name, "good");
  EXPECT_EQ(policy.choose({bad}, kStart + seconds(4)).client, nullptr);
  EXPECT_NE(policy.choose({bad}, kStart + seconds(6)).client, nullptr);
  for (int i = 0; i < 20; ++i) policy.failed(bad, kStart);
  EXPECT_EQ(policy.choose({bad}, kStart + DuePolicy::kLongestBackoff - seconds(1)).client, nullptr);
  EXPECT_NE(policy.choose({bad}, kStart + DuePolicy::kLongestBackoff + seconds(60)).client, nullptr);
  policy.succeeded(bad, kStart);
  policy.failed(bad, kStart);
  EXPECT_NE(policy.choose({bad}, kStart + seconds(6)).client, nullptr);  // a success forgets the past
}

}  // namespace
}  // namespace syncnode::daemon
