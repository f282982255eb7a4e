#include "json/json.h"

#include <gtest/gtest.h>

#include <random>

namespace syncnode::json {
namespace {

TEST(Json, KeepsTheOrderOfKeys) {
  Json document;
  document["version"] = 1;
  document["a"] = "x";
  EXPECT_EQ(to_text(document), R"({"version":1,"a":"x"})");
}

TEST(Json, SaysWhereTextStopsFitting) {
  auto parsed = parse("{\n  \"a\": 1,\n  oops\n}");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(parsed.error().message, "not valid JSON at line 3, column 3");
}

TEST(Json, WritesBrokenUtf8AsReplacement) {
  Json document = {{"name",
                    "a\xff"
                    "b"}};
  EXPECT_EQ(to_text(document),
            "{\"name\":\"a\xef\xbf\xbd"
            "b\"}");
}

TEST(Json, ReadsMembersOfTheExpectedKindOnly) {
  auto parsed = parse(R"({"s":"text","n":7,"f":1.5,"z":null})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(string_member(*parsed, "s"), "text");
  EXPECT_EQ(integer_member(*parsed, "n"), 7);
  EXPECT_FALSE(string_member(*parsed, "n"));
  EXPECT_FALSE(integer_member(*parsed, "f"));
  EXPECT_FALSE(integer_member(*parsed, "absent"));
  EXPECT_FALSE(string_member(Json::array(), "s"));
}

TEST(Json, NeverThrowsOnHostileText) {
  std::mt19937 random(7);
  const std::string letters = "{}[]\",:0123456789eE+-.truefalsn\\u \n\xff\xc3";
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    size_t length = random() % 24;
    for (size_t j = 0; j < length; ++j) text.push_back(letters[random() % letters.size()]);
    auto parsed = parse(text);
    EXPECT_TRUE(!parsed || !to_text(*parsed).empty());
  }
  EXPECT_FALSE(parse("1e999"));
  EXPECT_TRUE(parse(std::string(5000, '[') + std::string(5000, ']')));
}

}  // namespace
}  // namespace syncnode::json
