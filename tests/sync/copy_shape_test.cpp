// The shape of a table as JSON, both in the copy and in the local memory: back exactly, and never an
// exception for what somebody else put there.
#include "sync/copy_shape.h"

#include <gtest/gtest.h>

namespace syncnode::sync {
namespace {

CopyTable awkward() {
  CopyTable table;
  table.name = "\xFFtable";
  table.target = "renamed_name_0123";
  table.key_kind = KeyKind::kEncoded;
  table.key_columns = {"a\"b", "\\x41"};
  table.columns = {{1, "a\"b", "INTEGER", "a\"b", codec::TargetType::kBigint},
                   {7, "\\x41", "", "\\x41", codec::TargetType::kJson},
                   {4294967295U, std::string("\0", 1), "\xC3", "renamed", codec::TargetType::kDouble, false}};
  table.next_column_id = 8;
  return table;
}

TEST(CopyShape, WireNamesComeBack) {
  for (const std::string& name :
       {std::string(), std::string("chat"), std::string("\\x41"), std::string("\\x"), std::string("\\xzz"),
        std::string("\xFF"), std::string("\0", 1), std::string("caf\xC3\xA9"), std::string("\\")}) {
    EXPECT_EQ(source_name_of(wire_name(name)), name);
  }
  EXPECT_EQ(wire_name("chat"), "chat");
  EXPECT_EQ(wire_name("\xFF"), "\\xff");
}

TEST(CopyShape, ShapesComeBack) {
  auto back = parse_shape_json(shape_json(awkward()));
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(*back, awkward());
  CopyTable columns;
  ASSERT_TRUE(parse_columns_json(columns_json(awkward()), columns));
  EXPECT_EQ(columns.columns, awkward().columns);
}

TEST(CopyShape, OtherWordsAreCorruptionNotACrash) {
  const std::string good = R"({"id":1,"name":"a","declared":"","target":"a","type":"text","direct":true})";
  CopyTable table;
  ASSERT_TRUE(parse_columns_json("[" + good + "]", table));
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"1", "\"1\""},
                                                        {"1", "-1"},
                                                        {"1", "4294967296"},
                                                        {"1", "1.5"},
                                                        {"1", "null"},
                                                        {"\"a\"", "7"},
                                                        {"\"\"", "[]"},
                                                        {"\"text\"", "\"timestamp\""},
                                                        {"\"text\"", "3"},
                                                        {"true", "\"true\""},
                                                        {"true", "1"},
                                                        {"\"direct\"", "\"other\""}}) {
    std::string wrong = good;
    wrong.replace(wrong.find(from), from.size(), to);
    const auto parsed = parse_columns_json("[" + wrong + "]", table);
    ASSERT_FALSE(parsed) << wrong;
    EXPECT_EQ(parsed.error().code, ErrorCode::kCorruption);
  }
  for (const char* text : {"{}", "7", "[7]", "[[]]", "null"})
    EXPECT_EQ(parse_columns_json(text, table).error().code, ErrorCode::kCorruption);
  EXPECT_FALSE(parse_columns_json("[", table));
  for (
      const char* text :
      {"{}", "[]", "7", "",
       R"({"name":"a","target":"a","key_kind":"plain","key_columns":"[7]","columns":"[]","next_column_id":1})",
       R"({"name":"a","target":"a","key_kind":"plain","key_columns":"{\"a\":\"b\"}","columns":"[]","next_column_id":1})",
       R"({"name":"a","target":"a","key_kind":"other","key_columns":"[]","columns":"[]","next_column_id":1})",
       R"({"name":"a","target":"a","key_kind":"plain","key_columns":"[]","columns":"[]","next_column_id":-1})"}) {
    EXPECT_FALSE(parse_shape_json(text)) << text;
  }
}

TEST(CopyShape, KeyKinds) {
  for (KeyKind kind : {KeyKind::kPlain, KeyKind::kEncoded, KeyKind::kMultiset})
    EXPECT_EQ(*parse_key_kind(to_string(kind)), kind);
  EXPECT_EQ(*parse_key_kind(""), KeyKind::kPlain);
  EXPECT_EQ(parse_key_kind("Plain").error().code, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace syncnode::sync
