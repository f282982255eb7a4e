// Capture in a snapshot that holds the log, where neither log nor trail tells: it asks once for a pass that
// is made without the snapshot, and finds the same with it.
#include <gtest/gtest.h>

#include <stop_token>

#include "covers.h"
#include "follower.h"
#include "sqlite/scratch.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

class LackingPassTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    run("PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB);");
    run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) "
        "INSERT INTO t SELECT i, randomblob(40000) FROM n; PRAGMA wal_autocheckpoint = 0;");
    const auto snapshot = open();
    ASSERT_TRUE(follower_.look(*snapshot));
    ASSERT_TRUE(follower_.settle(*snapshot, true));
  }

  void run(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }
  void change(int64_t row) { run("UPDATE t SET b = randomblob(40000) WHERE a = " + std::to_string(row)); }
  void change_and_lose(int64_t row) {
    change(row);
    run("PRAGMA wal_checkpoint(RESTART)");
  }

  std::unique_ptr<sqlite::Snapshot> open() const {
    auto snapshot = sqlite::Snapshot::open(scratch_.path(), {.live_image_bytes = 0});
    EXPECT_TRUE(snapshot) << snapshot.error().to_string();
    return std::move(*snapshot);
  }
  // True: a pass is asked for.
  bool find() {
    const auto snapshot = open();
    const auto schema = snapshot->read_schema();
    EXPECT_TRUE(schema);
    EXPECT_TRUE(capture_.find(*snapshot, *schema, nullptr));
    return capture_.lacks_pass();
  }
  // A log that was begun anew, of which nobody saw the beginning.
  void lose_the_log() {
    change_and_lose(10);
    change_and_lose(20);
    change(30);
    ASSERT_TRUE(follower_.memory().begin("the next run"));
    ASSERT_TRUE(capture_.open());
  }

  sqlite::Scratch scratch_;
  sqlite::Scratch memory_;
  Writer writer_;
  Ways ways_;
  Follower follower_{memory_.path("."), 3, &ways_, nullptr};
  Capture capture_{follower_.memory()};
};

TEST_F(LackingPassTest, FindsTheSameWithThePassThatItAskedFor) {
  lose_the_log();
  ASSERT_TRUE(find());
  EXPECT_TRUE(covers(capture_, 300)) << "it may not say that anything is as it was";
  change(40);
  capture_.pass(scratch_.path(), {});
  EXPECT_TRUE(capture_.has_passed());
  change_and_lose(50);
  change(60);
  EXPECT_FALSE(find());
  EXPECT_EQ(capture_.evidence(), Evidence::kChecksums);
  for (const int64_t row : {10, 20, 30, 40, 50, 60}) EXPECT_TRUE(covers(capture_, row)) << row;
  EXPECT_FALSE(covers(capture_, 300));
}

TEST_F(LackingPassTest, DoesWithoutOneThatCannotBeMade) {
  lose_the_log();
  ASSERT_TRUE(find());
  std::stop_source stop;
  stop.request_stop();
  capture_.pass(scratch_.path(), stop.get_token());
  ASSERT_FALSE(capture_.has_passed());
  EXPECT_FALSE(find());
  for (const int64_t row : {10, 20, 30}) EXPECT_TRUE(covers(capture_, row)) << row;
  EXPECT_FALSE(covers(capture_, 300));
}

TEST_F(LackingPassTest, IsNotAskedForASecondTime) {
  lose_the_log();
  ASSERT_TRUE(find());
  capture_.pass(scratch_.path(), {});
  for (const int64_t row : {40, 50, 60}) change_and_lose(row);  // the pass is of no use now
  change(70);
  EXPECT_FALSE(find());
  for (const int64_t row : {10, 20, 30, 40, 50, 60, 70}) EXPECT_TRUE(covers(capture_, row)) << row;
  EXPECT_FALSE(covers(capture_, 300));
}

}  // namespace
}  // namespace syncnode::capture
