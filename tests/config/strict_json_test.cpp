#include <gtest/gtest.h>

#include <random>

#include "json/strict.h"

namespace syncnode::json {
namespace {

TEST(StrictJson, BuildsWhatTheLenientReaderBuilds) {
  for (const char* text : {"null", "7", "-1.5e3", "\"x\"", "[]", "{}", R"({"b":[1,{"c":true}],"a":"\u00e4"})",
                           R"([{"a":1},{"a":1}])", " [ 1 , 2 ] "}) {
    const auto strict = parse_strict(text);
    ASSERT_TRUE(strict) << text;
    EXPECT_EQ(to_text(*strict), to_text(*parse(text)));
  }
}

TEST(StrictJson, NamesTheMemberThatIsGivenTwice) {
  EXPECT_EQ(parse_strict(R"({"a":1,"b":2,"a":3})").error().message, "'a' is given twice");
  EXPECT_EQ(parse_strict(R"({"v":[0,{"x":1,"\u0078":2}]})").error().message, "'v[1].x' is given twice");
}

TEST(StrictJson, BoundsNesting) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_strict(nested(kDeepestNesting)));
  EXPECT_EQ(parse_strict(nested(kDeepestNesting + 1)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(parse_strict(std::string(1 << 20, '[')));
}

TEST(StrictJson, SaysWhereTextStopsFitting) {
  EXPECT_EQ(parse_strict("{\n \"a\": oops}").error().message, "not valid JSON at line 2, column 7");
  for (const char* text : {"", "{", "[1,]", "{\"a\":1}x", "1e999", "\"\xff\"", "NaN", "'a'"}) {
    EXPECT_FALSE(parse_strict(text)) << text;
  }
}

TEST(StrictJson, TakesManyMembersInLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 100000; ++i) text += "\"" + std::to_string(i) + "\":1,";
  text.back() = '}';
  EXPECT_EQ(parse_strict(text)->size(), 100000);  // quadratic: minutes
}

TEST(StrictJson, GivesAMemberAsItWasWritten) {
  const std::string text =
      R"( { "a\"}" : "}" , "v" : { "n" : 1.50, "s" : "}]\\\"" , "l" : [ 1 , 2 ] } , "w":-1e+2,"z":null} )";
  ASSERT_TRUE(parse_strict(text));
  EXPECT_EQ(member_text(text, "v"), R"({ "n" : 1.50, "s" : "}]\\\"" , "l" : [ 1 , 2 ] })");
  EXPECT_EQ(member_text(text, "a\"}"), "\"}\"");
  EXPECT_EQ(member_text(text, "w"), "-1e+2");
  EXPECT_EQ(member_text(text, "z"), "null");
  EXPECT_EQ(member_text(text, "n"), "");
  EXPECT_EQ(member_text("{}", "n"), "");
  EXPECT_EQ(member_text(R"({"\u0076":1})", "v"), "1");
}

TEST(StrictJson, AgreesWithItselfOnRandomObjects) {
  std::mt19937 random(7);
  const std::string letters = "{}[]\",:01.etrufalsn\\ ";
  for (int i = 0; i < 50000; ++i) {
    std::string text = "{\"v\":";
    for (size_t length = random() % 12; length > 0; --length)
      text.push_back(letters[random() % letters.size()]);
    text += random() % 2 == 0 ? "}" : ",\"w\":[\"}\"]}";
    const auto parsed = parse_strict(text);
    if (!parsed) continue;
    for (const auto& [name, value] : parsed->items()) {
      const auto again = parse_strict(member_text(text, name));
      ASSERT_TRUE(again) << text;
      EXPECT_EQ(*again, value) << text;
    }
  }
}

}  // namespace
}  // namespace syncnode::json
