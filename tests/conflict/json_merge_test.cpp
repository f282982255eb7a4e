#include "conflict/json_merge.h"

#include <gtest/gtest.h>

#include "conflict/json_equal.h"

namespace syncnode::conflict {
namespace {

struct Merge {
  const char* base;  // "" where there is none
  const char* source;
  const char* target;
  Side newest;
  const char* result;
};

void expect(const std::vector<Merge>& table, const std::vector<MergeRule>& rules) {
  const RuleTree tree = rule_tree(rules);
  for (const auto& row : table) {
    const Json base = *row.base != '\0' ? Json::parse(row.base) : Json();
    const Json source = Json::parse(row.source);
    const Json target = Json::parse(row.target);
    MergeTrace trace;
    const auto merged = merge_json({*row.base != '\0' ? &base : nullptr, &source, &target}, tree.member("c"),
                                   "c", row.newest, trace);
    ASSERT_TRUE(merged);
    EXPECT_EQ(json::to_text(*merged), json::to_text(Json::parse(row.result)))
        << row.base << " | " << row.source << " | " << row.target;
  }
}

TEST(AColumnWithoutARule, IsTakenWhole) {
  expect({{R"({"a":1})", R"({"a":2})", R"({"a":1,"b":3})", Side::kTarget, R"({"a":1,"b":3})"},
          {R"({"a":1})", R"({"a":2})", R"({"a":1,"b":3})", Side::kSource, R"({"a":2})"},
          {R"({"a":1})", R"({"a":1})", R"({"a":1,"b":3})", Side::kSource, R"({"a":1,"b":3})"},
          {R"({"a":1})", R"({"a":9})", R"({"a":1})", Side::kTarget, R"({"a":9})"}},
         {});
}

TEST(Appending, KeepsTheBasesOrderThenTheSourcesThenTheTargets) {
  expect({{"[1,2]", "[1,2,3]", "[1,2,4]", Side::kSource, "[1,2,3,4]"},
          {"[1,2]", "[1,2,3]", "[1,2,4]", Side::kTarget, "[1,2,3,4]"},
          {"[1,2]", "[1,3]", "[1,2,4]", Side::kSource, "[1,3,4]"},  // 2 was removed
          {"[1,2]", "[0,1,2]", "[2]", Side::kSource, "[2,0]"},      // 1 was removed
          {"[]", "[5,6]", "[7,5]", Side::kSource, "[5,6,7]"},       // both added 5
          {"[]", "[5,5]", "[5,6]", Side::kSource, "[5,5,6]"},       // once of them twice
          {"", "[5,6]", "[6,7]", Side::kSource, "[5,6,7]"},         // no base
          {"[1]", "null", "[1,2]", Side::kSource, "[1,2]"},         // null adds nothing
          {"[1]", "[1,3]", "\"x\"", Side::kSource, "[1,3]"},        // nothing to append: newest
          {"[1]", "[1,3]", "\"x\"", Side::kTarget, "\"x\""}},
         {{"c", FieldRule::kAppend}});
}

TEST(AUnion, HoldsEqualElementsOnce) {
  expect({{"[1,1]", "[1,1,2,2]", "[1,1,3]", Side::kSource, "[1,2,3]"},
          {"", R"([{"k":1,"v":[2]},"a"])", R"(["a",{"v":[2],"k":1},"b"])", Side::kSource,
           R"([{"k":1,"v":[2]},"a","b"])"},
          {R"({"tags":["a"],"n":1})", R"({"tags":["a","b"],"n":2})", R"({"n":3,"tags":["c","a"],"m":4})",
           Side::kTarget, R"({"tags":["a","b","c"],"n":3,"m":4})"}},
         {{"c", FieldRule::kUnion}});
}

TEST(ElementsWithAnId, AreMergedMemberByMember) {
  expect(
      {// each side changed another member of x, and added an element
       {R"([{"id":"x","p":1,"q":1}])", R"([{"id":"x","p":2,"q":1},{"id":"y"}])",
        R"([{"id":"x","p":1,"q":3},{"id":"z"}])", Side::kSource,
        R"([{"id":"x","p":2,"q":3},{"id":"y"},{"id":"z"}])"},
       // both changed p
       {R"([{"id":"x","p":1}])", R"([{"id":"x","p":2}])", R"([{"id":"x","p":3}])", Side::kTarget,
        R"([{"id":"x","p":3}])"},
       // removed on one side, unchanged on the other
       {R"([{"id":1},{"id":2}])", R"([{"id":2}])", R"([{"id":1},{"id":2},{"id":3}])", Side::kSource,
        R"([{"id":2},{"id":3}])"},
       // removed on one side, changed on the other
       {R"([{"id":1,"p":1},{"id":2}])", R"([{"id":2},{"id":4}])", R"([{"id":1,"p":2},{"id":2}])",
        Side::kSource, R"([{"id":1,"p":2},{"id":2},{"id":4}])"},
       // 1 and "1" are two ids
       {"[]", R"([{"id":1}])", R"([{"id":"1"}])", Side::kSource, R"([{"id":1},{"id":"1"}])"}},
      {{"c", FieldRule::kAppend}});
}

TEST(AddedElements, StandInTheOrderOfTheirTimes) {
  expect(
      {{"[]", R"([{"id":"a","timestamp":10},{"id":"c","timestamp":30}])",
        R"([{"id":"b","timestamp":20},{"id":"d","timestamp":40}])", Side::kSource,
        R"([{"id":"a","timestamp":10},{"id":"b","timestamp":20},{"id":"c","timestamp":30},{"id":"d","timestamp":40}])"},
       // seconds beside milliseconds
       {"[]", R"([{"id":"a","created_at":1712345678},{"id":"c","created_at":1712345680}])",
        R"([{"id":"b","created_at":1712345679000}])", Side::kSource,
        R"([{"id":"a","created_at":1712345678},{"id":"b","created_at":1712345679000},{"id":"c","created_at":1712345680}])"},
       // the order within a side stays, whatever its times
       {"[]", R"([{"id":"a","timestamp":30},{"id":"b","timestamp":20}])", R"([{"id":"c","timestamp":25}])",
        Side::kSource, R"([{"id":"c","timestamp":25},{"id":"a","timestamp":30},{"id":"b","timestamp":20}])"},
       // one has none: the source's first
       {"[]", R"([{"id":"a","timestamp":30},{"id":"x"}])", R"([{"id":"b","timestamp":20}])", Side::kSource,
        R"([{"id":"a","timestamp":30},{"id":"x"},{"id":"b","timestamp":20}])"}},
      {{"c", FieldRule::kAppend}});
}

TEST(RulesInsideAColumn, HoldWhereTheyStand) {
  expect({{R"({"a":{"l":[1]},"s":1,"t":1,"u":1,"v":{"x":1,"y":1}})",
           R"({"a":{"l":[1,2]},"s":2,"t":2,"u":2,"v":{"x":2,"y":1}})",
           R"({"a":{"l":[1,3]},"s":3,"t":3,"u":3,"v":{"x":1,"y":3}})", Side::kTarget,
           R"({"a":{"l":[1,2,3]},"s":2,"t":3,"u":3,"v":{"x":2,"y":3}})"},
          {R"({"s":1,"t":1})", R"({"t":2})", R"({"s":3})", Side::kTarget, "{}"}},
         {{"c.a.l", FieldRule::kAppend}, {"c.s", FieldRule::kSourceWins}, {"c.t", FieldRule::kTargetWins}});
}

TEST(Traces, NameWhatTheNewerSideDecided) {
  const Json base = Json::parse(R"({"l":[],"p":1,"q":1})");
  const Json source = Json::parse(R"({"l":[1],"p":2,"q":2})");
  const Json target = Json::parse(R"({"l":[2],"p":3,"q":1})");
  const RuleTree tree = rule_tree({{"c.l", FieldRule::kAppend}});
  MergeTrace trace;
  ASSERT_TRUE(merge_json({&base, &source, &target}, tree.member("c"), "c", Side::kSource, trace));
  EXPECT_EQ(trace.newest_paths, std::vector<std::string>{"c.p"});
}

TEST(NestingBeyondTheLimit, IsTakenWhole) {
  const auto nested = [](int leaf) {
    Json value = Json{{"l", Json::array({leaf})}, {"k" + std::to_string(leaf), 1}};
    for (int i = 0; i < 64; ++i) {
      Json outer = Json::object();
      outer["m"] = std::move(value);
      value = std::move(outer);
    }
    return value;
  };
  const Json source = nested(1);
  const Json target = nested(2);
  const RuleTree tree = rule_tree({{"c", FieldRule::kUnion}});
  MergeTrace trace;
  const auto merged = merge_json({nullptr, &source, &target}, tree.member("c"), "c", Side::kTarget, trace);
  ASSERT_TRUE(merged);
  EXPECT_TRUE(same_json(*merged, target));
}

}  // namespace
}  // namespace syncnode::conflict
