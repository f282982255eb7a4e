// Every mistake of a policy file is named with its place and its cure, all of them at once.
#include <gtest/gtest.h>

#include <random>

#include "conflict/policy.h"

namespace syncnode::conflict {
namespace {

std::string mistakes(std::string_view text) {
  auto policy = read_policy(text);
  return policy ? "" : policy.error().message;
}

std::string inner(const std::string& members) {
  return R"({"conflict_resolution":{"default_strategy":"manual",)" + members + "}}";
}

TEST(APolicyWithTwelveMistakes, NamesThemAllAtOnce) {
  auto policy = read_policy(R"({"conflict_resolution": {
    "default_strategy": "newest",
    "default_compare_field": "",
    "retention": 5,
    "table_strategies": {
      "": {"strategy": "manual"},
      "user": {"strategy": "newest_win"},
      "auth": {"compare_field": "updated_at"},
      "tag": {"strategy": "source_wins", "merge_rules": {"name": "union"}},
      "chat": {"strategy": "merge", "merge_rules": {"titel": "newst_wins", "chat": "union", "chat.history": "append",
                                                     "meta..tags": "union"}},
      "message": {"strategy": "merge"},
      "note": {"strategy": "merge", "merge_rule": {}, "compare_field": 5},
      "file": "source_wins"
    },
    "resolution_log": {"enabled": "yes", "retention_days": -1, "include_data_snapshots": true},
    "notification": {"channels": ["log", "email"], "tables": [], "threshold_conflicts_per_hour": 0},
    "advanced_options": {"auto_merge_max_age_hours": 1.5, "max_base_image_bytes": 99999999999999999999,
                         "parallel_workers": 4}
  }})");
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code, ErrorCode::kInvalidArgument);
  const std::string& message = policy.error().message;
  const std::string t = "conflict_resolution.table_strategies.";
  const std::vector<std::string> expected = {
      R"(conflict_resolution.default_strategy: is "newest": use one of newest_wins, source_wins)",
      R"(conflict_resolution.default_compare_field: is "": write a name)",
      "conflict_resolution.retention: unknown key: known here: default_strategy",
      t + "'': a table has no name",
      t + R"(user.strategy: is "newest_win": did you mean 'newest_wins'?)",
      t + "auth: has no strategy",
      t + "tag.merge_rules: source_wins uses no rules",
      t + R"(chat.merge_rules.titel: is "newst_wins": did you mean 'newest_wins'?)",
      t + "chat.merge_rules.chat.history: lies inside 'chat', which has a rule too",
      t + "chat.merge_rules.meta..tags: a part of the path is empty",
      t + "message: merge has no rules",
      t + "note.merge_rule: unknown key: did you mean 'merge_rules'?",
      t + "note.compare_field: is 5",
      t + R"(file: is "source_wins" and not an object)",
      R"(conflict_resolution.resolution_log.enabled: is "yes": write true or false)",
      "conflict_resolution.resolution_log.retention_days: is -1: write a whole number from 1 to 3650",
      "conflict_resolution.resolution_log.include_data_snapshots: unknown key: did you mean",
      R"(conflict_resolution.notification.channels: is "email": use one of log, metrics)",
      "conflict_resolution.notification.tables: is []: write a list of names",
      "conflict_resolution.notification.threshold_conflicts_per_hour: is 0",
      "conflict_resolution.advanced_options.auto_merge_max_age_hours: is 1.5: write a whole number from 1",
      "conflict_resolution.advanced_options.max_base_image_bytes: is ",
      "conflict_resolution.advanced_options.parallel_workers: unknown key",
  };
  for (const auto& wanted : expected) {
    EXPECT_NE(message.find("\n  - " + wanted), std::string::npos) << wanted << "\nnot in: " << message;
  }
  // And nothing else: a mistake is not reported twice, and none follows from another. (note: merge without
  // rules.)
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), static_cast<long>(expected.size()) + 1)
      << message;
}

TEST(APolicy, WithoutACompareFieldCannotFindTheNewest) {
  const std::string message = mistakes(R"({"conflict_resolution":{"default_strategy":"newest_wins",
      "table_strategies":{"a":{"strategy":"newest_wins"},"b":{"strategy":"merge","merge_rules":{"x":"union"}},
                          "c":{"strategy":"newest_wins","compare_field":"at"}}}})");
  EXPECT_NE(message.find("has 3 problems"), std::string::npos) << message;
  EXPECT_NE(message.find("conflict_resolution.default_strategy: newest_wins has no field"),
            std::string::npos);
  EXPECT_NE(message.find("table_strategies.a: newest_wins has no field to compare"), std::string::npos);
  EXPECT_NE(message.find("table_strategies.b: merge has no field to compare"), std::string::npos);
}

TEST(APolicy, DoesNotMergeByDefault) {
  EXPECT_NE(mistakes(R"({"conflict_resolution":{"default_strategy":"merge","default_compare_field":"a"}})")
                .find("merge needs rules, and rules belong to a table"),
            std::string::npos);
}

TEST(APolicy, GivesNothingThatItsStrategyWouldNotUse) {
  EXPECT_NE(mistakes(inner(R"("table_strategies":{"a":{"strategy":"manual","compare_field":"at"}})"))
                .find("table_strategies.a.compare_field: manual compares nothing: remove it"),
            std::string::npos);
}

TEST(APolicy, GivesAKeyOnce) {
  const std::string message = mistakes(inner(R"("table_strategies":{"a":{"strategy":"manual"},"a":{}})"));
  EXPECT_NE(message.find("'conflict_resolution.table_strategies.a' is given twice"), std::string::npos)
      << message;
}

TEST(APolicy, NamesATableOnceInAList) {
  EXPECT_NE(mistakes(inner(R"("notification":{"tables":["a","a"," "]})"))
                .find("notification.tables[1]: gives \"a\" again"),
            std::string::npos);
}

TEST(APolicy, StandsUnderItsKey) {
  EXPECT_NE(mistakes(R"({"conflict_resolutions":{}})").find("did you mean 'conflict_resolution'?"),
            std::string::npos);
  EXPECT_NE(mistakes("[]").find("the document: is [] and not an object"), std::string::npos)
      << mistakes("[]");
  EXPECT_NE(mistakes(R"({"conflict_resolution":{}})").find("default_strategy: is missing"),
            std::string::npos);
  EXPECT_NE(mistakes("{").find("not valid JSON"), std::string::npos);
}

TEST(AMutilatedPolicy, IsReadOrRefusedAndNeverMore) {
  const std::string whole(built_in_policy_text());
  size_t refused = 0;
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    std::string text = whole;
    for (int i = 0; i < 3; ++i) {
      const size_t at = random() % text.size();
      static constexpr std::string_view kLetters = "{}[]\":,.0-9eE truefalsnl\\\xff";
      if (random() % 3 == 0) {
        text.erase(at, 1 + random() % 30);
      } else {
        text.insert(at, 1, kLetters[random() % kLetters.size()]);
      }
    }
    auto policy = read_policy(text);
    if (policy) {
      EXPECT_TRUE(read_policy(json::to_text(to_json(*policy)))) << text;
    } else {
      ++refused;
      EXPECT_FALSE(policy.error().message.empty());
    }
    EXPECT_FALSE(overlaid(built_in_policy(), text, "config")) << "a file is no client's policy: " << text;
  }
  EXPECT_GT(refused, 2000U);
}

TEST(AClientsPolicy, IsReadAsStrictly) {
  auto own = overlaid(built_in_policy(), R"({"table_strategies":{"chat":{"strategy":"merg"}},"defaults":1})",
                      "client 'c1': config.conflict_resolution");
  ASSERT_FALSE(own);
  EXPECT_NE(own.error().message.find("has 2 problems"), std::string::npos);
  EXPECT_NE(
      own.error().message.find("client 'c1': config.conflict_resolution.table_strategies.chat.strategy: is "
                               "\"merg\": did you mean 'merge'?"),
      std::string::npos)
      << own.error().message;
  auto broken = overlaid(built_in_policy(), "{", "client 'c1'");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message.find("client 'c1': not valid JSON"), 0U);
}

}  // namespace
}  // namespace syncnode::conflict
