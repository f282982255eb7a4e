// Names in the copy (docs/FORMATS.md, "Names").
#include "codec/target_name.h"

#include <gtest/gtest.h>

#include <set>

#include "base/hex.h"
#include "base/utf8.h"
#include "codec/sha256.h"

namespace syncnode::codec {
namespace {

std::string renamed(std::string_view start, std::string_view name) {
  return "renamed_" + std::string(start) + "_" + to_hex(sha256(name)).substr(0, 12);
}

TEST(TargetName, UsableNamesStay) {
  const std::string longest(63, 'n');
  for (std::string_view name : {"chat", "Chat", "with space", "quote\"d", "sync_", "_syncx", "caf\xC3\xA9",
                                "select", "renamed_x", longest.c_str()}) {
    EXPECT_EQ(target_table_name(name), name);
    EXPECT_EQ(target_column_name(name), name);
  }
}

TEST(TargetName, WhatPostgresCannotHoldIsReplaced) {
  const std::string too_long(64, 'n');
  const std::string with_nul("a\0b", 3);
  EXPECT_EQ(target_table_name(""), renamed("", ""));
  EXPECT_EQ(target_table_name(too_long), renamed(std::string(40, 'n'), too_long));
  EXPECT_EQ(target_table_name(with_nul), renamed("name", with_nul));
  EXPECT_EQ(target_table_name("\xFFx"), renamed("name", "\xFFx"));
  EXPECT_EQ(target_table_name("_sync_key"), renamed("_sync_key", "_sync_key"));
  EXPECT_EQ(target_column_name("_SyNc_x"), renamed("_SyNc_x", "_SyNc_x"));
}

TEST(TargetName, SystemColumnsAreReplacedAsColumnsOnly) {
  for (std::string_view name : {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}) {
    EXPECT_EQ(target_column_name(name), renamed(name, name));
    EXPECT_EQ(target_table_name(name), name);
  }
  EXPECT_EQ(target_column_name("XMIN"), "XMIN");
}

TEST(TargetName, ReplacementsFitAndDiffer) {
  std::set<std::string> targets;
  for (int i = 0; i < 300; ++i) {
    std::string name;
    for (int character = 0; character < 30; ++character) name += "\xF0\x9F\x98\x80";  // 120 bytes, cut at 40
    name += std::to_string(i);
    const std::string target = target_column_name(name);
    EXPECT_LE(target.size(), 63U);
    EXPECT_TRUE(is_postgres_text(target));
    EXPECT_TRUE(targets.insert(target).second);
    EXPECT_EQ(target, target_column_name(name));
  }
}

}  // namespace
}  // namespace syncnode::codec
