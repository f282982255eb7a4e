// LogTrail beside a real application: whatever it says of two snapshots contains every page that differs
// between them, through restarts of the log, looks that came too late, and logs that were cut off.
#include "capture/log_trail.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include "seen.h"
#include "sqlite/scratch.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

class LogTrailTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    run("PRAGMA page_size = 512; PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);");
    run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
        "INSERT INTO t SELECT i, hex(randomblob(20)) FROM n; PRAGMA wal_autocheckpoint = 0;");
  }

  void run(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }

  void change(int64_t row) {
    run("UPDATE t SET b = hex(randomblob(20)) WHERE a BETWEEN " + std::to_string(row) + " AND " +
        std::to_string(row + 3));
  }

  Seen see() const { return see_all(scratch_.path(), {.live_image_bytes = 0}); }

  // The main file has everything, and its times would betray the next write.
  Seen see_alone() {
    run("PRAGMA wal_checkpoint(TRUNCATE)");
    for (;;) {
      Seen seen = see();
      EXPECT_TRUE(seen.position.main_alone());
      if (seen.position.settled) return seen;
      sqlite::pause_for(sqlite::unsettled_for(*sqlite::facts_of(scratch_.path())));
    }
  }

  static std::set<uint32_t> differing(const Seen& one, const Seen& other) {
    std::set<uint32_t> pages;
    for (size_t i = 0; i < std::max(one.pages.size(), other.pages.size()); ++i) {
      const bool same = i < one.pages.size() && i < other.pages.size() && one.pages[i] == other.pages[i];
      if (!same) pages.insert(static_cast<uint32_t>(i) + 1);
    }
    return pages;
  }

  // False: the trail does not know.
  bool holds(const Seen& earlier, const Seen& later) {
    const auto told = trail_.between(earlier.position, later.position);
    if (!told) return false;
    const std::set<uint32_t> all(told->begin(), told->end());
    for (const uint32_t page : differing(earlier, later))
      EXPECT_EQ(all.count(page), 1U) << "page " << page << " changed and was not told";
    return true;
  }

  sqlite::Scratch scratch_;
  Writer writer_;
  LogTrail trail_{scratch_.path()};
};

TEST_F(LogTrailTest, BridgesARestartThatItSawNothingOf) {
  for (int64_t row = 1; row < 100; row += 10) change(row);
  run("PRAGMA wal_checkpoint(RESTART)");
  change(1);
  trail_.look();
  const Seen earlier = see();
  for (int64_t row = 1; row < 20; row += 10) change(row);
  trail_.look();
  change(300);  // not looked at before the log is begun anew
  run("PRAGMA wal_checkpoint(RESTART)");
  change(200);
  EXPECT_TRUE(holds(earlier, see()));
}

TEST_F(LogTrailTest, DoesNotKnowWhatWasOverwrittenBeforeItLooked) {
  change(1);
  trail_.look();
  const Seen earlier = see();
  change(300);
  run("PRAGMA wal_checkpoint(RESTART)");
  const auto& before = earlier.position.log;
  Seen later = earlier;
  while (later.position.log.salt1 == before.salt1 || later.position.log.frames <= before.frames) {
    run("UPDATE t SET b = hex(randomblob(20))");
    later = see();
  }
  EXPECT_FALSE(holds(earlier, later));
  for (int round = 0; round < 2; ++round) {
    run("PRAGMA wal_checkpoint(RESTART)");
    change(50);
  }
  EXPECT_FALSE(holds(earlier, see()));
}

TEST_F(LogTrailTest, DoesNotKnowWhatWasCutOff) {
  change(1);
  trail_.look();
  const Seen earlier = see();
  change(300);
  run("PRAGMA wal_checkpoint(TRUNCATE)");
  change(200);
  EXPECT_FALSE(holds(earlier, see()));
}

TEST_F(LogTrailTest, KnowsThatNothingCameAfterTheLastFrameOfTheFile) {
  for (int64_t row = 1; row < 100; row += 10) change(row);
  trail_.look();
  const Seen earlier = see();
  run("PRAGMA wal_checkpoint(RESTART)");
  change(200);
  change(1);
  EXPECT_TRUE(holds(earlier, see()));
}

TEST_F(LogTrailTest, DoesNotKnowWhatWasCutOffWhereItsLastFrameIsTheFilesAgain) {
  for (int64_t row = 1; row < 100; row += 10) change(row);
  trail_.look();
  const Seen earlier = see();
  const auto size = std::filesystem::file_size(scratch_.path() + "-wal");
  run("PRAGMA journal_size_limit = " + std::to_string(size));
  change(300);
  EXPECT_GT(std::filesystem::file_size(scratch_.path() + "-wal"), size);
  run("PRAGMA wal_checkpoint(RESTART)");
  change(200);
  ASSERT_EQ(std::filesystem::file_size(scratch_.path() + "-wal"), size);
  EXPECT_FALSE(holds(earlier, see()));
}

// A large transaction, and a log that is cut to a part of it when the next one begins it anew.
TEST_F(LogTrailTest, DoesNotKnowWhatWasCutOffBehindAFrameThatIsStillThere) {
  for (int64_t row = 1; row < 100; row += 10) change(row);
  trail_.look();
  const Seen earlier = see();
  const auto one_more = std::filesystem::file_size(scratch_.path() + "-wal") + 24 + 512;
  run("PRAGMA journal_size_limit = " + std::to_string(one_more));
  run("UPDATE t SET b = hex(randomblob(20)) WHERE a > 200");
  EXPECT_GT(std::filesystem::file_size(scratch_.path() + "-wal"), one_more);
  run("PRAGMA wal_checkpoint(RESTART)");
  change(1);
  ASSERT_EQ(std::filesystem::file_size(scratch_.path() + "-wal"), one_more);
  EXPECT_FALSE(holds(earlier, see()));
}

TEST_F(LogTrailTest, KnowsThatNothingCameAfterTheFramesAtTheFilesEnd) {
  for (int64_t row = 1; row < 100; row += 10) change(row);
  trail_.look();
  const Seen earlier = see();
  change(200);
  run("UPDATE t SET b = hex(randomblob(20)) WHERE a > 300");
  run("PRAGMA wal_checkpoint(RESTART)");
  change(1);
  EXPECT_TRUE(holds(earlier, see()));
}

// More frames than it keeps: it knows nothing of before, reads none of them again, and follows what comes.
TEST_F(LogTrailTest, GoesOnBehindALogThatIsTooLong) {
  LogTrail few(scratch_.path(), 8);
  const Seen first = see();
  for (int64_t row = 1; row < 100; row += 5) change(row);
  few.look();
  const Seen second = see();
  change(200);
  few.look();
  const Seen third = see();
  EXPECT_FALSE(few.between(first.position, third.position));
  const auto told = few.between(second.position, third.position);
  ASSERT_TRUE(told);
  for (const uint32_t page : differing(second, third))
    EXPECT_EQ(std::count(told->begin(), told->end(), page), 1) << page;
  EXPECT_FALSE(differing(second, third).empty());
}

TEST_F(LogTrailTest, KnowsATransactionThatIsCopiedBackAsSoonAsItIsThere) {
  for (int64_t row = 1; row < 300; row += 10) change(row);
  run("PRAGMA wal_checkpoint(PASSIVE)");
  const Seen earlier = see();
  trail_.forget(earlier.position);
  run("PRAGMA cache_size = 4; BEGIN; UPDATE t SET b = hex(randomblob(20)) WHERE a < 20");
  trail_.look();
  run("COMMIT; PRAGMA wal_checkpoint(PASSIVE)");
  EXPECT_TRUE(holds(earlier, see()));
}

TEST_F(LogTrailTest, BeginsWhereTheMainFileWasAlone) {
  const Seen earlier = see_alone();
  for (int64_t row = 1; row < 100; row += 10) change(row);
  trail_.look();
  change(100);
  run("PRAGMA wal_checkpoint(RESTART)");
  change(300);
  EXPECT_TRUE(holds(earlier, see()));
}

TEST_F(LogTrailTest, DoesNotBeginWhereTheMainFileWasWrittenBeforeItLooked) {
  const Seen earlier = see_alone();
  change(1);
  run("PRAGMA wal_checkpoint(RESTART)");
  change(100);
  trail_.look();
  EXPECT_FALSE(holds(earlier, see()));
}

TEST_F(LogTrailTest, ForgetsWhatNobodyAsksFor) {
  change(1);
  trail_.look();
  const Seen first = see();
  change(100);
  const Seen second = see();
  trail_.look();
  trail_.forget(second.position);
  EXPECT_FALSE(holds(first, second));
  change(200);
  EXPECT_TRUE(holds(second, see()));
}

TEST_F(LogTrailTest, NeverTellsTooLittle) {
  std::mt19937 random(20261126);
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  std::vector<Seen> seen;
  const auto keep = [&](Seen one) {
    seen.push_back(std::move(one));
    if (seen.size() > 12) seen.erase(seen.begin());
  };
  int bridged = 0;
  int unknown = 0;
  for (int step = 0; step < 600; ++step) {
    if (one_in(9)) {
      // A transaction that spills to the log and is rolled back leaves frames there that nobody committed.
      run("PRAGMA cache_size = 4; BEGIN; UPDATE t SET b = 'x' || b; ROLLBACK");
    }
    change(1 + static_cast<int64_t>(random() % 390));
    if (one_in(12)) run(one_in(6) ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint(RESTART)");
    if (one_in(40)) keep(see_alone());
    if (one_in(3)) trail_.look();
    if (!one_in(4)) continue;
    keep(see());
    const Seen& earlier = seen[random() % seen.size()];
    const bool other_round = earlier.position.log.salt1 != seen.back().position.log.salt1;
    const bool known = holds(earlier, seen.back());
    if (other_round) ++(known ? bridged : unknown);
  }
  EXPECT_GT(bridged, 20);
  EXPECT_GT(unknown, 20);
}

}  // namespace
}  // namespace syncnode::capture
