// What may be a key and a value.
#include "state/state_key.h"

#include <gtest/gtest.h>

namespace syncnode::state {
namespace {

TEST(StateKey, IsShortTextWithoutControlCharacters) {
  for (const std::string key : {"k", "a.b.c", "ü", "with blank", "deployment.acme"}) {
    EXPECT_TRUE(check_key(key)) << key;
  }
  EXPECT_TRUE(check_key(std::string(200, 'x')));
  for (const std::string& key :
       {std::string(), std::string(201, 'x'), std::string("a\tb"), std::string("a\0b", 3),
        std::string("a\x7f"), std::string("\xff"), std::string("deployment.")}) {
    const Status refused = check_key(key);
    ASSERT_FALSE(refused) << key;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(StateKey, OfTheLongestClientNameFits) {
  std::string name;
  for (int i = 0; i < 56; ++i) name += "🦊";
  EXPECT_TRUE(check_key("deployment." + name));
}

TEST(StateKey, NamesItsClient) {
  EXPECT_EQ(deployment_client("deployment.acme"), "acme");
  EXPECT_EQ(deployment_client("deployment.a.b"), "a.b");
  EXPECT_EQ(deployment_client("deployments.acme"), std::nullopt);
  EXPECT_EQ(deployment_client("x.deployment.acme"), std::nullopt);
}

TEST(StateValue, IsJson) {
  for (const std::string value : {"null", "0", R"("text")", R"({"a":[1,2,{"b":"]]]]{{{{"}]})", " [ ] "}) {
    EXPECT_TRUE(check_value("k", value)) << value;
  }
  const Status broken = check_value("k", "{\"a\":\n 1,}");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(broken.error().message, "the value of 'k': not valid JSON at line 2, column 4");
  for (const std::string value : {"", "nul", "1 2", "\"\xff\"", "1e999"})
    EXPECT_FALSE(check_value("k", value)) << value;
}

TEST(StateValue, HasBounds) {
  EXPECT_TRUE(check_value("k", '"' + std::string(kMaxValueBytes - 2, 'x') + '"'));
  EXPECT_FALSE(check_value("k", '"' + std::string(kMaxValueBytes - 1, 'x') + '"'));
  EXPECT_TRUE(check_value("k", std::string(kMaxDepth, '[') + std::string(kMaxDepth, ']')));
  EXPECT_FALSE(check_value("k", std::string(kMaxDepth + 1, '[') + std::string(kMaxDepth + 1, ']')));
  EXPECT_FALSE(check_value("k", std::string(kMaxValueBytes, '[')));
  EXPECT_TRUE(check_value(
      "k", R"("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")"));
}

TEST(StateError, NamesBothVersions) {
  const Error differs = version_differs("k", 5, 4);
  EXPECT_EQ(differs.code, ErrorCode::kAborted);
  EXPECT_EQ(differs.message, "state 'k' has version 5, not 4");
  EXPECT_EQ(version_differs("k", 0, 4).message, "state 'k' does not exist, version 4 was expected");
  EXPECT_EQ(version_differs("k", 5, 0).message,
            "state 'k' exists with version 5, version 0 (none) was expected");
}

}  // namespace
}  // namespace syncnode::state
