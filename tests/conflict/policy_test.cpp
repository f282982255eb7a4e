#include "conflict/policy.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace syncnode::conflict {
namespace {

std::string why(const Result<Policy>& policy) {
  return policy ? "" : policy.error().to_string();
}

std::string content(const char* path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(BuiltInPolicy, IsTheInstalledFile) {
  ASSERT_FALSE(content(DEFAULT_POLICY_FILE).empty());
  EXPECT_EQ(built_in_policy_text(), content(DEFAULT_POLICY_FILE));
}

TEST(BuiltInPolicy, HasTheReferencesStrategies) {
  const Policy& policy = built_in_policy();
  EXPECT_EQ(policy.effective("user").strategy, Strategy::kNewestWins);
  EXPECT_EQ(policy.effective("tag").strategy, Strategy::kNewestWins);
  EXPECT_EQ(policy.effective("auth").strategy, Strategy::kSourceWins);
  EXPECT_EQ(policy.effective("oauth_session").strategy, Strategy::kSourceWins);
  EXPECT_EQ(policy.effective("chat").strategy, Strategy::kMerge);
  EXPECT_EQ(policy.effective("message").strategy, Strategy::kMerge);
  EXPECT_EQ(policy.effective("config").strategy, Strategy::kManual);
  EXPECT_EQ(policy.effective("function").strategy, Strategy::kManual);
  EXPECT_EQ(policy.effective("note"), (TablePolicy{Strategy::kNewestWins, "updated_at", {}, {}}));
  EXPECT_EQ(policy.resolution_log.retention.count(), 30);
  EXPECT_EQ(policy.notification.tables, (std::vector<std::string>{"config", "function"}));
}

TEST(BuiltInPolicy, MergesWhatAChatIsMadeOf) {
  const TablePolicy chat = built_in_policy().effective("chat");
  EXPECT_EQ(chat.compare_field, "updated_at");
  EXPECT_EQ(chat.auto_merge_max_age, std::chrono::hours(24));
  const auto has = [&](const char* path, FieldRule rule) {
    return std::find(chat.merge_rules.begin(), chat.merge_rules.end(), MergeRule{path, rule}) !=
           chat.merge_rules.end();
  };
  EXPECT_TRUE(has("chat.history.messages", FieldRule::kAppend));
  EXPECT_TRUE(has("chat.messages", FieldRule::kAppend));
  EXPECT_TRUE(has("meta", FieldRule::kUnion));
  EXPECT_TRUE(has("title", FieldRule::kNewestWins));
}

TEST(Policy, IsTheSameAfterWritingAndReading) {
  auto again = read_policy(json::to_text(to_json(built_in_policy())));
  ASSERT_TRUE(again) << why(again);
  EXPECT_EQ(*again, built_in_policy());

  auto full = read_policy(R"({"conflict_resolution":{"default_strategy":"manual","default_compare_field":"at",
    "table_strategies":{"a":{"strategy":"merge","merge_rules":{"x.y":"union","x.z":"target_wins"}}},
    "resolution_log":{"enabled":false,"retention_days":1,"include_data_snapshot":false},
    "notification":{"enabled":false,"channels":["metrics"],"tables":["a"],"threshold_conflicts_per_hour":7},
    "advanced_options":{"max_base_image_bytes":0}}})");
  ASSERT_TRUE(full) << why(full);
  EXPECT_FALSE(full->resolution_log.enabled);
  EXPECT_FALSE(full->resolution_log.include_data_snapshot);
  EXPECT_FALSE(full->notification.enabled);
  EXPECT_EQ(full->notification.channels, std::vector<Channel>{Channel::kMetrics});
  EXPECT_EQ(full->notification.threshold_conflicts_per_hour, 7);
  EXPECT_EQ(full->advanced.max_base_image_bytes, 0);
  EXPECT_EQ(full->advanced.auto_merge_max_age, std::nullopt);
  auto full_again = read_policy(json::to_text(to_json(*full)));
  ASSERT_TRUE(full_again) << why(full_again);
  EXPECT_EQ(*full_again, *full);
}

TEST(Policy, ShowsWhatHoldsForATable) {
  const Policy& policy = built_in_policy();
  EXPECT_EQ(json::to_text(to_json(policy.effective("auth"))), R"({"strategy":"source_wins"})");
  EXPECT_EQ(json::to_text(to_json(policy.effective("note"))),
            R"({"strategy":"newest_wins","compare_field":"updated_at"})");
  EXPECT_EQ(json::to_text(to_json(policy.effective("message"))),
            R"({"strategy":"merge","compare_field":"updated_at","merge_rules":{"content":"newest_wins",)"
            R"("annotations":"union","meta":"union","metadata":"union"},"auto_merge_max_age_hours":24})");
}

TEST(ThePageOfThePolicy, ShowsOneThatIsAcceptedAndNamesEveryOption) {
  const std::string page = content(POLICY_PAGE);
  const size_t begin = page.find("```json\n") + 8;
  ASSERT_LT(begin, page.size());
  const std::string example = page.substr(begin, page.find("```", begin) - begin);
  auto policy = read_policy(example);
  ASSERT_TRUE(policy) << why(policy);
  // The example uses every option, and the page explains each one of its keys.
  EXPECT_EQ(json::parse(example).value()["conflict_resolution"].size(), 6U);
  for (const char* section : {"resolution_log", "notification", "advanced_options"}) {
    const Json shown = to_json(*policy)["conflict_resolution"][section];
    EXPECT_EQ(json::to_text(json::parse(example).value()["conflict_resolution"][section]),
              json::to_text(shown));
    for (const auto& [name, value] : shown.items()) {
      EXPECT_NE(page.find("| `" + std::string(section) + "." + name + "` |"), std::string::npos) << name;
    }
  }
}

TEST(AClientsPolicy, IsLaidOverTheFile) {
  auto own = overlaid(built_in_policy(),
                      R"({"default_strategy":"target_wins","table_strategies":{"chat":{"strategy":"manual"}},
                          "resolution_log":{"retention_days":7}})",
                      "config.conflict_resolution");
  ASSERT_TRUE(own) << why(own);
  EXPECT_EQ(own->effective("note").strategy, Strategy::kTargetWins);
  EXPECT_EQ(own->effective("chat"), (TablePolicy{Strategy::kManual, "", {}, {}}));
  EXPECT_EQ(own->effective("message"), built_in_policy().effective("message"));
  EXPECT_EQ(own->resolution_log.retention.count(), 7);
  EXPECT_TRUE(own->resolution_log.enabled);
  auto nothing = overlaid(built_in_policy(), "{}", "config.conflict_resolution");
  ASSERT_TRUE(nothing) << why(nothing);
  EXPECT_EQ(*nothing, built_in_policy());
}

TEST(AClientsPolicy, UsesTheFilesCompareField) {
  auto own =
      overlaid(built_in_policy(), R"({"table_strategies":{"auth":{"strategy":"newest_wins"}}})", "config");
  ASSERT_TRUE(own) << why(own);
  EXPECT_EQ(own->effective("auth").compare_field, "updated_at");
}

}  // namespace
}  // namespace syncnode::conflict
