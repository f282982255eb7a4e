#include "docker_ipv6/daemon_text.h"

#include <gtest/gtest.h>

namespace syncnode::docker_ipv6 {
namespace {

const std::vector<Change> kTwo{{"ipv6", {}, "true"}, {"fixed-cidr-v6", {}, "\"fd00:1::/64\""}};

std::string applied(std::string_view text, const std::vector<Change>& changes = kTwo) {
  const auto result = apply_changes(text, changes);
  EXPECT_TRUE(result) << text;
  return result ? *result : "";
}

TEST(DaemonText, NewMembersComeLastAndLookLikeTheirNeighbours) {
  EXPECT_EQ(applied("{\n  \"debug\": true\n}\n"),
            "{\n  \"debug\": true,\n  \"ipv6\": true,\n  \"fixed-cidr-v6\": \"fd00:1::/64\"\n}\n");
  EXPECT_EQ(applied("{\r\n\t\"a\" : 1,\r\n\t\"b\" : [ 1 ]\r\n}"),
            "{\r\n\t\"a\" : 1,\r\n\t\"b\" : [ 1 ],\r\n\t\"ipv6\" : true,\r\n\t\"fixed-cidr-v6\" : "
            "\"fd00:1::/64\"\r\n}");
  EXPECT_EQ(applied("{\"a\":1}"), "{\"a\":1,\"ipv6\":true,\"fixed-cidr-v6\":\"fd00:1::/64\"}");
  EXPECT_EQ(applied("{ \"a\": 1 }"), "{ \"a\": 1, \"ipv6\": true, \"fixed-cidr-v6\": \"fd00:1::/64\" }");
  EXPECT_EQ(applied("{\"a\":1, \"b\":2}"),
            "{\"a\":1, \"b\":2, \"ipv6\":true, \"fixed-cidr-v6\":\"fd00:1::/64\"}");
}

TEST(DaemonText, AnAbsentOrEmptyFileIsAnEmptyObject) {
  const std::string fresh = "{\n    \"ipv6\": true,\n    \"fixed-cidr-v6\": \"fd00:1::/64\"\n}\n";
  EXPECT_EQ(applied(""), fresh);
  EXPECT_EQ(applied(" \n"), fresh);
  EXPECT_EQ(applied("{}\n"), fresh);
}

TEST(DaemonText, OnlyTheValueOfAMemberThatIsThereChanges) {
  const std::vector<Change> change{{"ipv6", "false", "true"}};
  EXPECT_EQ(applied("{ \"x\":1,\n \"ipv6\"  :  false , \"y\":2 }", change),
            "{ \"x\":1,\n \"ipv6\"  :  true , \"y\":2 }");
  EXPECT_EQ(applied(R"({"ipv\u0036": false})", change), R"({"ipv\u0036": true})")
      << "whatever it is spelt like";
}

TEST(DaemonText, MembersOfInnerObjectsAreNotMeant) {
  EXPECT_EQ(applied(R"({"a":{"ipv6":false}})", {{"ipv6", {}, "true"}}),
            R"({"a":{"ipv6":false},"ipv6":true})");
  EXPECT_EQ(applied(R"({"a":"\"ipv6\": false}"})", {{"ipv6", {}, "true"}}),
            R"({"a":"\"ipv6\": false}","ipv6":true})");
}

TEST(DaemonText, AByteOrderMarkStays) {
  EXPECT_EQ(applied("\xEF\xBB\xBF{\"a\":1}", {{"ipv6", {}, "true"}}), "\xEF\xBB\xBF{\"a\":1,\"ipv6\":true}");
}

TEST(DaemonText, WhatIsNotOneObjectIsRefused) {
  for (const char* text :
       {"[]", "1", "null", "{\"a\":1,\"a\":2}", "{\"a\":1}{}", "{\"a\":1,}", "{'a':1}", "{\"a\"", "// c\n{}",
        "{\"ipv6\": false /* */}", "{\"a\": \"\xff\"}", "{\"a\": NaN}", "{\"a\": 01}"}) {
    EXPECT_FALSE(read_document(text)) << text;
    EXPECT_FALSE(apply_changes(text, kTwo)) << text;
    EXPECT_FALSE(undo_changes(text, kTwo)) << text;
  }
  const auto twice = read_document("{\"a\": 1, \"a\": 2}");
  EXPECT_NE(twice.error().message.find("'a' is given twice"), std::string::npos);
}

TEST(DaemonText, UndoTakesBackWhatIsStillOurs) {
  const std::vector<Change> changes{{"ipv6", "false", "true"}, {"experimental", {}, "true"}};
  const auto undone = undo_changes("{\"ipv6\": true, \"experimental\": false, \"mine\": 1}", changes);
  ASSERT_TRUE(undone);
  EXPECT_EQ(undone->text, "{\"ipv6\": false, \"experimental\": false, \"mine\": 1}");
  EXPECT_EQ(undone->undone, std::vector<std::string>{"ipv6"});
  EXPECT_EQ(undone->left, std::vector<std::string>{"experimental"});
}

TEST(DaemonText, UndoKeepsWhatWasAddedAround) {
  std::string text = applied("{\n  \"debug\": true\n}\n");
  text.insert(text.rfind('\n', text.size() - 2), ",\n  \"later\": 1");
  const auto undone = undo_changes(text, kTwo);
  ASSERT_TRUE(undone);
  EXPECT_EQ(undone->text, "{\n  \"debug\": true,\n  \"later\": 1\n}\n");
}

TEST(DaemonText, UndoOfTheFirstMembersKeepsTheRest) {
  const auto undone = undo_changes("{\n  \"ipv6\": true,\n  \"later\": 1\n}\n", {{"ipv6", {}, "true"}});
  ASSERT_TRUE(undone);
  EXPECT_EQ(undone->text, "{\n  \"later\": 1\n}\n");
}

}  // namespace
}  // namespace syncnode::docker_ipv6
