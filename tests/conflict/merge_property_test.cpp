// What holds for every merge, on random values.
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <limits>
#include <map>
#include <set>

#include "conflict/decide.h"
#include "conflict/difference.h"
#include "conflict/json_equal.h"
#include "conflict/json_merge.h"
#include "conflict/printable.h"
#include "random_json.h"

namespace syncnode::conflict {
namespace {

constexpr uint32_t kSeeds = 3000;

RuleTree collecting(FieldRule rule) {
  return rule_tree({{"c", rule}});
}

std::optional<Json> merged(const Json* base, const Json* source, const Json* target, FieldRule rule,
                           Side newest) {
  const RuleTree tree = collecting(rule);
  MergeTrace trace;
  return merge_json({base, source, target}, tree.member("c"), "c", newest, trace);
}

TEST(EveryMerge, OfOneChangeIsThatChange) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    RandomJson random(seed);
    const Json base = random.value(4);
    const Json change = random.changed(base);
    for (FieldRule rule : {FieldRule::kAppend, FieldRule::kUnion, FieldRule::kNewestWins}) {
      for (Side newest : {Side::kSource, Side::kTarget}) {
        EXPECT_TRUE(same_json(*merged(&base, &change, &base, rule, newest), change)) << seed;
        EXPECT_TRUE(same_json(*merged(&base, &base, &change, rule, newest), change)) << seed;
        EXPECT_TRUE(same_json(*merged(&base, &change, &change, rule, newest), change)) << seed;
        EXPECT_TRUE(same_json(*merged(nullptr, &change, &change, rule, newest), change)) << seed;
      }
    }
  }
}

TEST(EveryMerge, IsNotMadeTwice) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    RandomJson random(seed);
    const Json base = random.value(4);
    const Json source = random.changed(base);
    const Json target = random.changed(base);
    for (FieldRule rule : {FieldRule::kAppend, FieldRule::kUnion}) {
      const Json once = *merged(&base, &source, &target, rule, Side::kSource);
      EXPECT_TRUE(same_json(*merged(&base, &once, &once, rule, Side::kTarget), once)) << seed;
      EXPECT_TRUE(same_json(*merged(&source, &once, &source, rule, Side::kTarget), once)) << seed;
    }
  }
}

// Lists of messages, each changed on one side at most.
struct Lists {
  Json base = Json::array(), source = Json::array(), target = Json::array();
  std::set<std::string> expected;
};

Lists disjoint_lists(RandomJson& random) {
  Lists lists;
  for (int i = 0; i < 12; ++i) {
    const std::string id = "m" + std::to_string(i);
    const Json element = {{"id", id}, {"content", "as it was"}};
    const Json edited = {{"id", id}, {"content", "edited"}};
    const int what = random.below(7);
    Json* sides[] = {&lists.source, &lists.target};
    if (random.below(2) == 0) std::swap(sides[0], sides[1]);
    if (what < 4) lists.base.push_back(element);
    if (what <= 1) {  // untouched
      lists.source.push_back(element);
      lists.target.push_back(element);
    } else if (what == 2) {  // removed on one side
      sides[0]->push_back(element);
      continue;
    } else if (what == 3) {  // edited on one side
      sides[0]->push_back(edited);
      sides[1]->push_back(element);
    } else {  // added on one side
      sides[0]->push_back(element);
    }
    lists.expected.insert(id + (what == 3 ? " edited" : ""));
  }
  return lists;
}

std::multiset<std::string> names_in(const Json& list) {
  std::multiset<std::string> names;
  for (const Json& element : list) {
    const bool edited = element["content"] == "edited";
    names.insert(element["id"].get<std::string>() + (edited ? " edited" : ""));
  }
  return names;
}

TEST(EveryMerge, OfListsHoldsWhatEitherSideAddedExactlyOnce) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    RandomJson random(seed);
    const Lists lists = disjoint_lists(random);
    for (FieldRule rule : {FieldRule::kAppend, FieldRule::kUnion}) {
      const Json one = *merged(&lists.base, &lists.source, &lists.target, rule, Side::kSource);
      const Json other = *merged(&lists.base, &lists.target, &lists.source, rule, Side::kTarget);
      const std::multiset<std::string> expected(lists.expected.begin(), lists.expected.end());
      EXPECT_EQ(names_in(one), expected) << seed;
      EXPECT_EQ(names_in(other), expected) << seed;
    }
  }
}

TEST(EveryMerge, OfPlainElementsHoldsWhatEitherSideAddedExactlyOnce) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    RandomJson random(seed);
    Json base = Json::array();
    for (int i = 0; i < 5; ++i) base.push_back(i);
    Json source = base;
    Json target = base;
    const int source_adds = random.below(5);
    const int target_adds = random.below(5);
    for (int i = 0; i < source_adds; ++i) source.push_back({{"s", i}});
    for (int i = 0; i < target_adds; ++i) target.push_back({{"t", i}});
    for (FieldRule rule : {FieldRule::kAppend, FieldRule::kUnion}) {
      const Json result = *merged(&base, &source, &target, rule, Side::kTarget);
      ASSERT_EQ(result.size(), 5U + source_adds + target_adds);
      for (const Json* side : {&source, &target}) {
        for (const Json& element : *side) {
          EXPECT_EQ(std::count(result.begin(), result.end(), element), 1) << seed;
        }
      }
    }
  }
}

TEST(EveryRow, IsDecidedAndShown) {
  const Instant now{std::chrono::seconds(1712400000)};
  const Policy& policy = built_in_policy();
  TablePolicy wild{
      Strategy::kMerge,
      "timestamp",
      {{"a.messages", FieldRule::kAppend}, {"history", FieldRule::kUnion}, {"b", FieldRule::kAppend}},
      std::chrono::hours(1)};
  size_t merges = 0;
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    RandomJson random(seed);
    Json row = Json::object();
    for (const char* column : {"a", "b", "history", "messages", "timestamp", "updated_at"}) {
      row[column] = random.value(4);
    }
    RowImages images{row, random.changed(row), random.changed(row), false};
    if (random.below(6) == 0) images.base.reset();
    if (random.below(6) == 0) images.source.reset();
    if (random.below(6) == 0) images.target.reset();
    images.base_not_kept = random.below(6) == 0 && !images.base;
    for (const TablePolicy& table : {wild, policy.effective("chat"), policy.effective("note")}) {
      const auto decision = decide(table, images, {now});
      EXPECT_EQ(decision.has_value(), conflict_kind(images).has_value());
      if (!decision) continue;
      EXPECT_EQ(decision->merged.has_value(), decision->winner == Winner::kMerged);
      EXPECT_FALSE(decision->notes.empty());
      merges += decision->winner == Winner::kMerged ? 1 : 0;
    }
    const std::string lines = to_lines(differences(images));
    for (size_t at = 0; at < lines.size();) {
      const size_t end = lines.find('\n', at);
      ASSERT_NE(end, std::string::npos);
      EXPECT_LE(columns_of(lines.substr(at, end - at)), 100U) << seed;
      at = end + 1;
    }
  }
  EXPECT_GT(merges, 500U);
}

Json many(const char* prefix, size_t count, bool as_object) {
  Json out = as_object ? Json::object() : Json::array();
  for (size_t i = 0; i < count; ++i) {
    const std::string id = prefix + std::to_string(i);
    Json element = {
        {"id", id}, {"parentId", nullptr}, {"childrenIds", Json::array()}, {"timestamp", 1712345678 + i}};
    if (as_object) {
      out.get_ref<Json::object_t&>().emplace_back(id, std::move(element));
    } else {
      out.push_back(std::move(element));
    }
  }
  return out;
}

Json numbered(size_t from, size_t count) {
  Json out = Json::array();
  for (size_t i = 0; i < count; ++i) out.push_back({{"n", from + i}});
  return out;
}

// Processor time of a merge, the least of three, so that other work on the machine does not count.
std::clock_t spent(const Json& source, const Json& target, FieldRule rule, size_t expected) {
  std::clock_t least = std::numeric_limits<std::clock_t>::max();
  for (int i = 0; i < 3; ++i) {
    const std::clock_t begin = std::clock();
    const auto result = merged(nullptr, &source, &target, rule, Side::kSource);
    least = std::min(least, std::clock() - begin);
    EXPECT_EQ(result->size(), expected);
  }
  return std::max<std::clock_t>(least, 1);
}

// Four times the elements take about four times as long; quadratic work would take sixteen times.
TEST(BigLists, AreMergedInLinearTime) {
  constexpr size_t kFew = 5000;
  constexpr size_t kMany = 4 * kFew;
  for (bool as_object : {true, false}) {
    const auto few =
        spent(many("s", kFew, as_object), many("t", kFew, as_object), FieldRule::kAppend, 2 * kFew);
    const auto more =
        spent(many("s", kMany, as_object), many("t", kMany, as_object), FieldRule::kAppend, 2 * kMany);
    EXPECT_LT(static_cast<double>(more) / static_cast<double>(few), 9) << (as_object ? "object" : "array");
  }
  const auto few = spent(numbered(0, kFew), numbered(kFew / 2, kFew), FieldRule::kUnion, kFew * 3 / 2);
  const auto more = spent(numbered(0, kMany), numbered(kMany / 2, kMany), FieldRule::kUnion, kMany * 3 / 2);
  EXPECT_LT(static_cast<double>(more) / static_cast<double>(few), 9) << "values";
}

}  // namespace
}  // namespace syncnode::conflict
