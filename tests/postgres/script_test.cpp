// Script: parameters become literals where a parameter stands, and nowhere else.
#include "postgres/script.h"

#include <gtest/gtest.h>

namespace syncnode::postgres {
namespace {

std::string text_of(std::string_view sql, const std::vector<Param>& params) {
  Script script;
  script.add(sql, params);
  return script.text();
}

TEST(Script, ParametersBecomeLiterals) {
  EXPECT_EQ(text_of("SELECT $1, $2::text", {Param::text("it's"), Param::null()}),
            "SELECT 'it''s', NULL::text");
  EXPECT_EQ(text_of("SELECT $1", {Param::text("a\\b'")}), "SELECT  E'a\\\\b'''");
}

TEST(Script, NumbersAreReadWhole) {
  std::vector<Param> params(11, Param::text("x"));
  params[0] = Param::text("one");
  params[10] = Param::text("eleven");
  EXPECT_EQ(text_of("$11 $1", params), "'eleven' 'one'");
}

TEST(Script, WhatAParameterSaysIsNoPlaceForAnother) {
  EXPECT_EQ(text_of("$1 $2", {Param::text("$2"), Param::text("b")}), "'$2' 'b'");
}

TEST(Script, LiteralsNamesAndCommentsStayAsTheyAre) {
  const std::string sql = "SELECT '$1', \"$1\" -- $1\n FROM t";
  EXPECT_EQ(text_of(sql, {Param::text("x")}), sql);
  EXPECT_EQ(text_of("SELECT 'it''s', $1", {Param::text("x")}), "SELECT 'it''s', 'x'");
}

TEST(Script, StatementsFollowEachOther) {
  Script script;
  EXPECT_EQ(script.count(), 0U);
  script.add("SELECT 1", {});
  script.add("SELECT $1", {Param::text("2")});
  EXPECT_EQ(script.count(), 2U);
  EXPECT_EQ(script.text(), "SELECT 1;\nSELECT '2'");
}

}  // namespace
}  // namespace syncnode::postgres
