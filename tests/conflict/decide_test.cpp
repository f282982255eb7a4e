#include "conflict/decide.h"

#include <gtest/gtest.h>

namespace syncnode::conflict {
namespace {

const Instant kNow{std::chrono::seconds(1712400000)};

TablePolicy newest() {
  return {Strategy::kNewestWins, "updated_at", {}, {}};
}

TablePolicy merging(std::vector<MergeRule> rules, std::optional<std::chrono::hours> most = {}) {
  return {Strategy::kMerge, "updated_at", std::move(rules), most};
}

Decision decided(const TablePolicy& policy, const RowImages& images) {
  auto decision = decide(policy, images, {kNow});
  EXPECT_TRUE(decision);
  return decision.value_or(Decision{});
}

Json parsed(const char* text) {
  return Json::parse(text);
}

TEST(NoConflict, IsTheSameChangeOnBothSides) {
  const Json row = parsed(R"({"id":1,"meta":{"a":1,"b":2}})");
  const Json reordered = parsed(R"({"meta":{"b":2,"a":1},"id":1})");
  const Json base = parsed(R"({"id":1,"meta":{}})");
  EXPECT_EQ(conflict_kind({base, row, reordered, false}), std::nullopt);
  EXPECT_EQ(conflict_kind({std::nullopt, row, reordered, false}), std::nullopt);
  EXPECT_EQ(conflict_kind({base, std::nullopt, std::nullopt, false}), std::nullopt);
  EXPECT_EQ(conflict_kind({base, row, base, false}), std::nullopt);
  EXPECT_EQ(conflict_kind({base, base, row, false}), std::nullopt);
  EXPECT_EQ(conflict_kind({base, base, std::nullopt, false}), std::nullopt);
  EXPECT_EQ(conflict_kind({std::nullopt, row, std::nullopt, false}), std::nullopt);
  EXPECT_FALSE(decide(newest(), {base, row, reordered, false}, {kNow}));
}

TEST(ABaseThatWasNotKept, MakesNoInsertOfAnUpdate) {
  const Json row = parsed(R"({"id":1,"v":1})");
  const Json other = parsed(R"({"id":1,"v":2})");
  EXPECT_EQ(conflict_kind({std::nullopt, row, other, true}), ConflictKind::kUpdateUpdate);
  EXPECT_EQ(conflict_kind({std::nullopt, row, other, false}), ConflictKind::kInsertInsert);
  EXPECT_EQ(conflict_kind({std::nullopt, row, std::nullopt, true}), ConflictKind::kUpdateDelete);
}

TEST(Notes, SayHowItWasDecided) {
  const RowImages images{parsed(R"({"v":0,"updated_at":1712345600})"),
                         parsed(R"({"v":1,"updated_at":1712345678})"),
                         parsed(R"({"v":2,"updated_at":1712345678123})"), false};
  EXPECT_EQ(decided(newest(), images).notes,
            "both sides changed the row; newest_wins by updated_at, source 1712345678 (seconds) and target "
            "1712345678123 (milliseconds) are the same time, so the source, which is the primary, wins");
  EXPECT_EQ(decided({Strategy::kManual, "", {}, {}}, images).notes,
            "both sides changed the row; manual: it waits for a person");
}

TEST(Notes, HoldNothingThatMovesACursor) {
  const RowImages images{parsed(R"({"v\u001b[2J\u0000":0,"w":0})"), parsed(R"({"v\u001b[2J\u0000":1,"w":0})"),
                         parsed(R"({"v\u001b[2J\u0000":0,"w":2})"), false};
  const std::string notes = decided(merging({{"x", FieldRule::kUnion}}), images).notes;
  EXPECT_NE(notes.find("v\\u001b[2J\\u0000"), std::string::npos) << notes;
  EXPECT_EQ(notes.find('\x1b'), std::string::npos);
  EXPECT_EQ(notes.find('\0'), std::string::npos);
}

TEST(ADelete, IsOutlivedByAChangeThatIsCertainlyLater) {
  const Json base = parsed(R"({"v":0,"updated_at":1712345600})");
  const Json later = parsed(R"({"v":1,"updated_at":1712345601})");
  const Json unmoved = parsed(R"({"v":1,"updated_at":1712345600})");
  const Json future = parsed(R"({"v":1,"updated_at":1999999999})");
  EXPECT_EQ(decided(newest(), {base, std::nullopt, later, false}).winner, Winner::kTarget);
  EXPECT_EQ(decided(newest(), {base, std::nullopt, unmoved, false}).winner, Winner::kSource);
  EXPECT_EQ(decided(newest(), {base, std::nullopt, future, false}).winner, Winner::kSource);
  EXPECT_EQ(decided(newest(), {std::nullopt, std::nullopt, later, true}).winner, Winner::kSource);
  // The source's row comes back in any case: it is the primary.
  EXPECT_EQ(decided(newest(), {base, later, std::nullopt, false}).winner, Winner::kSource);
  EXPECT_EQ(decided(newest(), {base, unmoved, std::nullopt, false}).winner, Winner::kSource);
}

TEST(ColumnsChangedOnOneSide, AreThatSides) {
  const RowImages images{
      parsed(R"({"id":1,"title":"a","pinned":0,"meta":{"t":[1]},"n":1,"updated_at":1712345600})"),
      parsed(R"({"id":1,"title":"b","pinned":0,"meta":{"t":[1,2]},"n":2,"updated_at":1712345678})"),
      parsed(R"({"id":1,"title":"a","pinned":1,"meta":{"t":[1,3]},"n":3,"updated_at":1712345679})"), false};
  const Decision decision =
      decided(merging({{"meta", FieldRule::kUnion}, {"gone", FieldRule::kAppend}}), images);
  ASSERT_EQ(decision.winner, Winner::kMerged);
  EXPECT_EQ(json::to_text(*decision.merged),
            R"({"id":1,"title":"b","pinned":1,"meta":{"t":[1,2,3]},"n":3,"updated_at":1712345679})");
  using Origin = MergedColumn::Origin;
  EXPECT_EQ(decision.columns, (std::vector<MergedColumn>{{"id", Origin::kTarget},
                                                         {"title", Origin::kSource},
                                                         {"pinned", Origin::kTarget},
                                                         {"meta", Origin::kMerged},
                                                         {"n", Origin::kTarget},
                                                         {"updated_at", Origin::kTarget}}));
  EXPECT_EQ(
      decision.notes,
      "both sides changed the row; merge: changed by the source alone: title; changed by the target alone: "
      "pinned; merged: meta; changed by both, so the target's: n, updated_at (by updated_at, target "
      "1712345679 (seconds) is newer than source 1712345678 (seconds))");
}

TEST(FieldRules, DecideWholeColumns) {
  const RowImages images{std::nullopt, parsed(R"({"a":1,"b":1,"c":1,"updated_at":1712345679})"),
                         parsed(R"({"a":2,"b":2,"c":2,"updated_at":1712345678})"), false};
  const Decision decision = decided(
      merging({{"a", FieldRule::kSourceWins}, {"b", FieldRule::kTargetWins}, {"c", FieldRule::kNewestWins}}),
      images);
  ASSERT_EQ(decision.winner, Winner::kMerged);
  EXPECT_EQ(json::to_text(*decision.merged), R"({"a":1,"b":2,"c":1,"updated_at":1712345679})");
  EXPECT_NE(decision.notes.find("merge without a base"), std::string::npos);
}

TEST(AMergeThatEqualsOneSide, IsThatSides) {
  const RowImages images{parsed(R"({"v":0,"updated_at":1712345600})"),
                         parsed(R"({"v":1,"updated_at":1712345678})"),
                         parsed(R"({"v":2,"updated_at":1712345679})"), false};
  EXPECT_EQ(decided(merging({{"x", FieldRule::kUnion}}), images).winner, Winner::kTarget);
}

TEST(JsonInATextColumn, IsMergedAndWrittenBackAsText) {
  const RowImages images{Json{{"s", R"({"k": [1]})"}, {"t", "x"}},
                         Json{{"s", R"({"k": [1, 2]})"}, {"t", "y"}},
                         Json{{"s", R"({"k": [1, 3]})"}, {"t", "x"}}, false};
  const Decision decision = decided(merging({{"s.k", FieldRule::kUnion}}), images);
  ASSERT_EQ(decision.winner, Winner::kMerged);
  EXPECT_EQ(json::to_text(*decision.merged), R"({"s":"{\"k\":[1,2,3]}","t":"y"})");
}

TEST(ChangesFarApart, WaitForAPerson) {
  const auto images = [](int64_t base, int64_t source, int64_t target) {
    return RowImages{Json{{"l", {0}}, {"updated_at", base}}, Json{{"l", {0, 1}}, {"updated_at", source}},
                     Json{{"l", {0, 2}}, {"updated_at", target}}, false};
  };
  const TablePolicy policy = merging({{"l", FieldRule::kAppend}}, std::chrono::hours(24));
  const int64_t start = 1712200000;
  const int64_t day = 86400;
  EXPECT_EQ(decided(policy, images(start - 1, start + day, start)).winner, Winner::kMerged);
  const Decision waits = decided(policy, images(start - 1, start + day + 1, start));
  EXPECT_EQ(waits.winner, Winner::kWaits);
  EXPECT_NE(
      waits.notes.find("the two changes are 24 h apart, more than the 24 h of auto_merge_max_age_hours"),
      std::string::npos)
      << waits.notes;
  // The target's time did not move with its change, so nothing is known of when that was.
  EXPECT_EQ(decided(policy, images(start, start + day + 1, start)).winner, Winner::kMerged);
  // A time in the future is no time.
  EXPECT_EQ(decided(policy, images(start - 1, 1999999999, start)).winner, Winner::kMerged);
  // No limit.
  EXPECT_EQ(decided(merging({{"l", FieldRule::kAppend}}), images(start - 1, start + day + 1, start)).winner,
            Winner::kMerged);
}

}  // namespace
}  // namespace syncnode::conflict
