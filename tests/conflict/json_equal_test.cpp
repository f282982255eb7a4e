#include "conflict/json_equal.h"

#include <gtest/gtest.h>

namespace syncnode::conflict {
namespace {

struct Row {
  const char* left;
  const char* right;
  bool same;
};

TEST(TwoValues, AreTheSameWhateverTheOrderOfMembers) {
  const Row table[] = {
      {R"({"a":1,"b":{"c":[1,2],"d":null}})", R"({"b":{"d":null,"c":[1,2]},"a":1})", true},
      {R"({"a":1,"b":2,"c":3})", R"({"a":1,"c":3,"b":2})", true},
      {R"({"a":1})", R"({"a":1,"b":2})", false},
      {R"({"a":1,"b":2})", R"({"a":1,"c":2})", false},
      {R"({"b":2,"a":1})", R"({"a":2,"b":1})", false},
      {"[1,2]", "[2,1]", false},
      {"[1]", "[1,1]", false},
      {"1", "1.0", false},
      {"0.0", "-0.0", false},
      {"1.5", "1.5", true},
      {"-1", "18446744073709551615", false},
      {"18446744073709551615", "18446744073709551615", true},
      {"null", "false", false},
      {"true", "true", true},
      {R"("1")", "1", false},
      {"[]", "{}", false},
      {"{}", "null", false},
  };
  for (const auto& row : table) {
    const Json left = Json::parse(row.left);
    const Json right = Json::parse(row.right);
    EXPECT_EQ(same_json(left, right), row.same) << row.left << " " << row.right;
    EXPECT_EQ(same_json(right, left), row.same) << row.right << " " << row.left;
    EXPECT_TRUE(!row.same || json_hash(left) == json_hash(right)) << row.left;
  }
  // However it came to be signed.
  EXPECT_TRUE(same_json(Json(int64_t{5}), Json(uint64_t{5})));
  EXPECT_EQ(json_hash(Json(int64_t{5})), json_hash(Json(uint64_t{5})));
}

TEST(Nothing, EqualsNothingOnly) {
  const Json null;
  EXPECT_TRUE(same_json(nullptr, nullptr));
  EXPECT_FALSE(same_json(&null, nullptr));
  EXPECT_FALSE(same_json(nullptr, &null));
}

TEST(DeepNesting, EndsNoStack) {
  Json deep = 1;
  Json other = 2;
  for (int i = 0; i < 200000; ++i) {
    Json outer = Json::array();
    outer.push_back(std::move(deep));
    deep = std::move(outer);
    Json outer_other = Json::array();
    outer_other.push_back(std::move(other));
    other = std::move(outer_other);
  }
  EXPECT_TRUE(same_json(deep, deep));
  EXPECT_FALSE(same_json(deep, other));
  EXPECT_EQ(json_hash(deep), json_hash(other));  // what lies that deep is not looked at
}

}  // namespace
}  // namespace syncnode::conflict
