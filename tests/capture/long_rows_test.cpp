// Long rows in a leaf that was written: exactly those that changed are read, however they changed.
#include <gtest/gtest.h>

#include "follower.h"
#include "sqlite/scratch.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

class LongRowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    run("PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER PRIMARY KEY, s TEXT, big TEXT);");
    // With so little of each in the leaf that seven share one.
    run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) "
        "INSERT INTO t SELECT i, 'a' || i, printf('%.*c', 20600, 'b') FROM n;");
    look();
  }

  void run(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }

  // The difference, which both must find.
  Difference look() {
    auto snapshot = sqlite::Snapshot::open(scratch_.path(), {.live_image_bytes = 0});
    EXPECT_TRUE(snapshot);
    auto rows = by_row_.look(**snapshot);
    auto pages = by_page_.look(**snapshot);
    EXPECT_TRUE(rows && pages);
    EXPECT_EQ(rows->at("t").to_string(), pages->at("t").to_string());
    EXPECT_EQ(*rows, *pages);
    EXPECT_TRUE(by_row_.settle(**snapshot, true));
    EXPECT_TRUE(by_page_.settle(**snapshot, true));
    spared_ = by_page_.capture()->rows_spared();
    return pages->at("t");
  }
  bool looks_at(int64_t row) const { return by_page_.capture()->finding("t").ranges.covers(row); }

  sqlite::Scratch scratch_;
  sqlite::Scratch by_row_memory_, by_page_memory_;
  Writer writer_;
  Ways ways_;
  Follower by_row_{by_row_memory_.path("."), 1, nullptr, nullptr};
  Follower by_page_{by_page_memory_.path("."), 2, &ways_, nullptr};
  size_t spared_ = 0;
};

TEST_F(LongRowsTest, OfALeafOnlyTheRowThatChangedIsLookedAt) {
  run("UPDATE t SET s = 'another' WHERE a = 30");
  EXPECT_EQ(look().updated, 1);
  EXPECT_GT(spared_, 2U);
  EXPECT_TRUE(looks_at(30));
  EXPECT_FALSE(looks_at(29) && looks_at(31));
}

TEST_F(LongRowsTest, WhatBecomesWhatItWasBeforeIsAChange) {
  for (const char* value : {"b30", "a30", "b30", "a30"}) {
    run("UPDATE t SET s = '" + std::string(value) + "' WHERE a = 30");
    EXPECT_EQ(look().updated, 1) << value;
  }
}

TEST_F(LongRowsTest, AnOverwrittenPageInAChainIsAChangeOfItsRow) {
  run("UPDATE t SET big = substr(big, 1, 12000) || 'c' || substr(big, 12002) WHERE a = 30");
  EXPECT_EQ(look().updated, 1);
  EXPECT_GT(spared_, 2U);
  // Beside another row's cell, in the same leaf and the same transaction.
  run("BEGIN; UPDATE t SET s = 'x31' WHERE a = 31; "
      "UPDATE t SET big = substr(big, 1, 19000) || 'd' || substr(big, 19002) WHERE a = 30; COMMIT");
  EXPECT_EQ(look().updated, 2);
}

TEST_F(LongRowsTest, RowsThatComeGoAndMoveAreFound) {
  run("DELETE FROM t WHERE a IN (30, 33)");
  EXPECT_EQ(look().gone.size(), 2U);
  run("INSERT INTO t SELECT a + 3, s, big FROM t WHERE a IN (27)");
  EXPECT_EQ(look().inserted, 1);
  run("UPDATE t SET a = 1000 WHERE a = 31");
  look();
  run("UPDATE t SET big = 'short' WHERE a = 32");
  EXPECT_EQ(look().updated, 1);
  run("UPDATE t SET big = printf('%.*c', 20600, 'b') WHERE a = 32");
  EXPECT_EQ(look().updated, 1);
  run("BEGIN; DELETE FROM t WHERE a = 40; INSERT INTO t SELECT 40, s, big FROM t WHERE a = 41; COMMIT");
  EXPECT_EQ(look().updated, 1);
}

TEST_F(LongRowsTest, TheirMarksAreRemembered) {
  by_page_.reopen();
  by_row_.reopen();
  run("UPDATE t SET s = 'another' WHERE a = 30");
  EXPECT_EQ(look().updated, 1);
  EXPECT_GT(spared_, 2U);
}

}  // namespace
}  // namespace syncnode::capture
