// 5 strategies × 4 kinds of conflict × 6 kinds of times, the winner of each written out.
#include <gtest/gtest.h>

#include "conflict/decide.h"

namespace syncnode::conflict {
namespace {

const Instant kNow{std::chrono::seconds(1712400000)};

// What `updated_at` holds on each side: the target's is later than the source's, and both than the base's.
struct Times {
  const char* name;
  const char* base;
  const char* source;
  const char* target;
};
const Times kTimes[] = {
    {"seconds", "1712345600", "1712345678", "1712345679"},
    {"milliseconds", "1712345600000", "1712345678000", "1712345678001"},
    {"nanoseconds", "1712345600000000000", "1712345678000000000", "1712345678000000001"},
    {"ISO text", "\"2024-04-05 19:33:20\"", "\"2024-04-05T19:34:38.5Z\"", "\"2024-04-05T21:34:38.6+02:00\""},
    {"missing", "null", "null", "null"},
    {"a tie", "1712345600", "1712345678", "1712345678"},
};

// S the source, T the target, M merged, W waits. One letter per entry of kTimes, in its order.
struct Row {
  Strategy strategy;
  ConflictKind kind;
  const char* winners;
};
const Row kMatrix[] = {
    {Strategy::kNewestWins, ConflictKind::kUpdateUpdate, "TTTTSS"},
    {Strategy::kNewestWins, ConflictKind::kUpdateDelete, "SSSSSS"},
    {Strategy::kNewestWins, ConflictKind::kDeleteUpdate, "TTTTST"},
    {Strategy::kNewestWins, ConflictKind::kInsertInsert, "TTTTSS"},
    {Strategy::kSourceWins, ConflictKind::kUpdateUpdate, "SSSSSS"},
    {Strategy::kSourceWins, ConflictKind::kUpdateDelete, "SSSSSS"},
    {Strategy::kSourceWins, ConflictKind::kDeleteUpdate, "SSSSSS"},
    {Strategy::kSourceWins, ConflictKind::kInsertInsert, "SSSSSS"},
    {Strategy::kTargetWins, ConflictKind::kUpdateUpdate, "TTTTTT"},
    {Strategy::kTargetWins, ConflictKind::kUpdateDelete, "TTTTTT"},
    {Strategy::kTargetWins, ConflictKind::kDeleteUpdate, "TTTTTT"},
    {Strategy::kTargetWins, ConflictKind::kInsertInsert, "TTTTTT"},
    {Strategy::kMerge, ConflictKind::kUpdateUpdate, "MMMMMM"},
    {Strategy::kMerge, ConflictKind::kUpdateDelete, "SSSSSS"},
    {Strategy::kMerge, ConflictKind::kDeleteUpdate, "TTTTTT"},
    {Strategy::kMerge, ConflictKind::kInsertInsert, "MMMMMM"},
    {Strategy::kManual, ConflictKind::kUpdateUpdate, "WWWWWW"},
    {Strategy::kManual, ConflictKind::kUpdateDelete, "WWWWWW"},
    {Strategy::kManual, ConflictKind::kDeleteUpdate, "WWWWWW"},
    {Strategy::kManual, ConflictKind::kInsertInsert, "WWWWWW"},
};

Json row(const char* title, const char* tag, const char* time) {
  return {{"id", "r1"}, {"title", title}, {"tags", {"old", tag}}, {"updated_at", Json::parse(time)}};
}

RowImages images_of(ConflictKind kind, const Times& times) {
  RowImages images{row("as it was", "x", times.base), row("of the source", "s", times.source),
                   row("of the target", "t", times.target), false};
  if (kind == ConflictKind::kUpdateDelete) images.target.reset();
  if (kind == ConflictKind::kDeleteUpdate) images.source.reset();
  if (kind == ConflictKind::kInsertInsert) images.base.reset();
  return images;
}

std::string_view type_of(ConflictKind kind) {
  if (kind == ConflictKind::kUpdateUpdate) return "update_conflict";
  return kind == ConflictKind::kInsertInsert ? "constraint_violation" : "delete_conflict";
}

char letter(Winner winner) {
  switch (winner) {
    case Winner::kSource:
      return 'S';
    case Winner::kTarget:
      return 'T';
    case Winner::kMerged:
      return 'M';
    case Winner::kWaits:
      return 'W';
  }
  return '?';
}

// Which title a merged row has, by the same letters: the newer side's.
constexpr const char* kMergedTitles = "TTTTSS";

TEST(TheMatrix, HasTheWrittenWinners) {
  size_t decisions = 0;
  for (const Row& expected : kMatrix) {
    TablePolicy policy{expected.strategy, "updated_at", {{"tags", FieldRule::kUnion}}, {}};
    for (size_t i = 0; i < std::size(kTimes); ++i) {
      const RowImages images = images_of(expected.kind, kTimes[i]);
      const auto decision = decide(policy, images, {kNow});
      const std::string where = std::string(to_string(expected.strategy)) + ", " +
                                std::string(type_of(expected.kind)) + ", " + kTimes[i].name;
      ASSERT_TRUE(decision) << where;
      EXPECT_EQ(letter(decision->winner), expected.winners[i]) << where << ": " << decision->notes;
      EXPECT_EQ(decision->kind, expected.kind) << where;
      EXPECT_EQ(conflict_type(decision->kind), type_of(expected.kind)) << where;
      EXPECT_FALSE(decision->notes.empty());
      ASSERT_EQ(decision->merged.has_value(), expected.winners[i] == 'M') << where;
      if (decision->merged) {
        const char* title = kMergedTitles[i] == 'S' ? "of the source" : "of the target";
        EXPECT_EQ((*decision->merged)["title"], title) << where;
        const Json tags = (*decision->merged)["tags"];
        EXPECT_EQ(std::count(tags.begin(), tags.end(), "s"), 1) << where;
        EXPECT_EQ(std::count(tags.begin(), tags.end(), "t"), 1) << where;
      }
      ++decisions;
    }
  }
  EXPECT_EQ(decisions, 5U * 4U * 6U);
}

}  // namespace
}  // namespace syncnode::conflict
