// Many conflicts decided alike: what is counted, when it pauses, what ends it and what does not.
#include "control/bulk_run.h"

#include <gtest/gtest.h>

#include <map>

namespace syncnode::control {
namespace {

using namespace std::chrono_literals;

class BulkRunTest : public testing::Test {
 protected:
  static std::vector<WaitingConflict> some(int count) {
    std::vector<WaitingConflict> all;
    all.reserve(static_cast<size_t>(count));
    for (int number = 0; number < count; ++number)
      all.push_back({"c" + std::to_string(number), int64_t{number} + 1});
    return all;
  }
  // Every conflict takes `step_`; those in `answers_` fare as it says, the others are resolved.
  Result<bool> resolve(const WaitingConflict& one) {
    asked_.push_back(one.conflict_id);
    EXPECT_EQ("c" + std::to_string(one.version - 1), one.conflict_id);
    now_ += step_;
    const auto answer = answers_.find(one.conflict_id);
    return answer == answers_.end() ? Result<bool>(true) : answer->second;
  }
  void turn() {
    run_.turn([this](const WaitingConflict& one) { return resolve(one); });
  }
  void run_to_the_end() {
    for (int turns = 0; !run_.over() && turns < 100; ++turns) turn();
    EXPECT_TRUE(run_.over());
  }
  void expect(int64_t resolved, int64_t refused, int64_t left) {
    const auto outcome = run_.outcome();
    ASSERT_TRUE(outcome.has_value()) << outcome.error().to_string();
    EXPECT_EQ(outcome->resolved, resolved);
    EXPECT_EQ(outcome->refused, refused);
    EXPECT_EQ(outcome->left, left);
    EXPECT_EQ(outcome->left_because.empty(), left == 0) << outcome->left_because;
  }
  static Error failure(ErrorCode code) { return {code, "it went wrong", "look"}; }

  Deadline now_{};
  std::chrono::milliseconds step_{10};
  std::map<std::string, Result<bool>> answers_;
  std::vector<std::string> asked_;
  BulkRun run_{Deadline{} + 5s, [this] { return now_; }};
};

TEST_F(BulkRunTest, NothingToDecideIsNoError) {
  run_.begin({}, 0);
  EXPECT_TRUE(run_.over());
  expect(0, 0, 0);
}

TEST_F(BulkRunTest, EachIsTriedOnceAndCounted) {
  run_.begin(some(5), 5);
  answers_ = {{"c1", failure(ErrorCode::kAborted)},
              {"c2", false},  // somebody decided the same meanwhile
              {"c3", failure(ErrorCode::kFailedPrecondition)}};
  run_to_the_end();
  EXPECT_EQ(asked_, (std::vector<std::string>{"c0", "c1", "c2", "c3", "c4"}));
  expect(3, 2, 0);
  ASSERT_EQ(run_.outcome()->refusals.size(), 2U);
  EXPECT_EQ(run_.outcome()->refusals[0].conflict_id, "c1");
  EXPECT_EQ(run_.outcome()->refusals[0].detail, "it went wrong");
}

TEST_F(BulkRunTest, ATurnIsShortAndDoesOneAtLeast) {
  run_.begin(some(100), 100);
  turn();
  EXPECT_EQ(asked_.size(), 25U);
  step_ = 2s;
  turn();
  EXPECT_EQ(asked_.size(), 26U);
  EXPECT_FALSE(run_.over());
}

TEST_F(BulkRunTest, WhatTheTimeDoesNotReachIsLeft) {
  run_.begin(some(100), 100);
  step_ = 1s;
  run_to_the_end();
  expect(5, 0, 95);
  EXPECT_NE(run_.outcome()->left_because.find("ask again"), std::string::npos);
}

TEST_F(BulkRunTest, MoreThanWereLookedAtAreLeft) {
  run_.begin(some(3), 8);
  run_to_the_end();
  expect(3, 0, 5);
}

TEST_F(BulkRunTest, ARowThatSomebodyHoldsKeepsNoOtherBack) {
  run_.begin(some(6), 6);
  answers_ = {{"c0", failure(ErrorCode::kUnavailable)},
              {"c1", failure(ErrorCode::kDeadlineExceeded)},
              {"c4", failure(ErrorCode::kUnavailable)}};
  run_to_the_end();
  expect(3, 0, 3);
}

TEST_F(BulkRunTest, ThreeInARowAreATroubleOfTheServer) {
  run_.begin(some(9), 9);
  for (const char* id : {"c1", "c2", "c3"}) answers_.emplace(id, failure(ErrorCode::kUnavailable));
  run_to_the_end();
  EXPECT_EQ(asked_.size(), 4U);
  expect(1, 0, 8);
}

TEST_F(BulkRunTest, WhoLeadsNoMoreOrDoesNotKnowWhatCameOfItStops) {
  run_.begin(some(9), 9);
  answers_.emplace("c2", failure(ErrorCode::kFenced));
  run_to_the_end();
  EXPECT_EQ(asked_.size(), 3U);
  expect(2, 0, 7);
  EXPECT_EQ(run_.outcome()->left_because, "it went wrong; hint: look");
}

TEST_F(BulkRunTest, AnErrorBeforeAnythingWasDoneIsTheAnswer) {
  run_.begin(some(9), 9);
  answers_.emplace("c0", failure(ErrorCode::kOutcomeUnknown));
  run_to_the_end();
  ASSERT_FALSE(run_.outcome().has_value());
  EXPECT_EQ(run_.outcome().error().code, ErrorCode::kOutcomeUnknown);
}

TEST_F(BulkRunTest, StoppedFromOutside) {
  run_.stop(failure(ErrorCode::kUnavailable));
  EXPECT_TRUE(run_.over());
  EXPECT_FALSE(run_.outcome().has_value());
}

TEST_F(BulkRunTest, ThousandsOfRefusalsMakeNoLongAnswer) {
  run_.begin(some(3000), 3000);
  step_ = 0ms;
  for (int number = 0; number < 3000; ++number)
    answers_.emplace("c" + std::to_string(number), failure(ErrorCode::kAborted));
  run_to_the_end();
  expect(0, 3000, 0);
  EXPECT_EQ(run_.outcome()->refusals.size(), 20U);
}

}  // namespace
}  // namespace syncnode::control
