// The brake's rule as a table: more than the least number of rows, and more than the percentage.
#include "sync/brake.h"

#include <gtest/gtest.h>

namespace syncnode::sync {
namespace {

TEST(BrakeRule, TripsAboveBothLimits) {
  const struct {
    int64_t removed, in_copy;
    bool trips;
  } kTable[] = {{0, 0, false},
                {1, 1, false},
                {100, 100, false},
                {101, 101, true},
                {101, 201, true},
                {101, 202, false},
                {100, 1, false},
                {500, 1000, false},
                {501, 1000, true},
                {1000, 1000, true},
                {101, 1000000, false},
                {500001, 1000000, true},
                {50000000000, 99999999999, true}};
  for (const auto& row : kTable)
    EXPECT_EQ(BrakeRule{}.trips(row.removed, row.in_copy), row.trips) << row.removed << " of " << row.in_copy;
}

TEST(BrakeRule, OtherLimits) {
  EXPECT_TRUE((BrakeRule{0, 0}.trips(1, 1000000)));
  EXPECT_FALSE((BrakeRule{0, 0}.trips(0, 1000000)));
  EXPECT_FALSE((BrakeRule{0, 100}.trips(1000, 1000)));
  EXPECT_TRUE((BrakeRule{10, 10}.trips(11, 100)));
  EXPECT_FALSE((BrakeRule{10, 10}.trips(11, 110)));
}

TEST(BrakeRule, DecisionsAreFoundByTableAndKind) {
  const std::vector<HeldDecision> decisions = {
      {"1", "chat", HeldKind::kVanishedTable, HeldDecision::Status::kWaiting},
      {"2", "chat", HeldKind::kMassDelete, HeldDecision::Status::kReleased}};
  EXPECT_EQ(find_decision(decisions, "chat", HeldKind::kMassDelete)->id, "2");
  EXPECT_EQ(find_decision(decisions, "chat", HeldKind::kVanishedTable)->id, "1");
  EXPECT_EQ(find_decision(decisions, "Chat", HeldKind::kMassDelete), nullptr);
  EXPECT_EQ(find_decision({}, "chat", HeldKind::kMassDelete), nullptr);
}

}  // namespace
}  // namespace syncnode::sync
