// EarlyScan beside a real application: a pass over the main file that was made before a snapshot is as good
// as one made in it, whatever was written and copied back in between, or is of no use.
#include "capture/early_scan.h"

#include <gtest/gtest.h>

#include "capture/journal_trail.h"
#include "codec/bytes.h"
#include "sqlite/scratch.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

constexpr uint64_t kSeed = 7;

// What the pass says of a snapshot opened now; how many units it can tell.
size_t units_told(EarlyScan& scan, const std::string& path, const sqlite::SnapshotOptions& options) {
  auto snapshot = sqlite::Snapshot::open(path, options);
  EXPECT_TRUE(snapshot);
  sqlite::SourcePages& pages = **(*snapshot)->pages();
  const auto settled = scan.settle(pages, *position_of(pages));
  EXPECT_TRUE(settled);
  if (!*settled) return 0;
  const auto inside = scan_main(**snapshot, pages, kSeed, true);
  EXPECT_TRUE(inside);
  const MainScan& early = **settled;
  EXPECT_EQ(early.heads, inside->heads);
  EXPECT_EQ(early.checksums.size(), inside->checksums.size());
  size_t told = 0;
  for (size_t unit = 0; unit < early.checksums.size(); ++unit) {
    if (early.checksums[unit] == 0) continue;
    ++told;
    EXPECT_EQ(early.checksums[unit], inside->checksums[unit]) << "unit " << unit;
  }
  return told;
}

class EarlyScanTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    run("PRAGMA page_size = " + std::to_string(GetParam()) +
        "; PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB);");
    run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
        "INSERT INTO t SELECT i, randomblob(3000) FROM n; PRAGMA wal_autocheckpoint = 0; "
        "PRAGMA wal_checkpoint(RESTART);");
    // So many frames that a log that begins anew has not come to their end when it is looked at.
    for (int64_t row = 1; row < 40; row += 4) change(row);
  }

  void run(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }
  void change(int64_t row) {
    run("UPDATE t SET b = randomblob(3000) WHERE a BETWEEN " + std::to_string(row) + " AND " +
        std::to_string(row + 5));
  }
  void take() {
    early_ = EarlyScan::take(scratch_.path(), kSeed, true, nullptr, {});
    ASSERT_TRUE(early_);
  }

  size_t known() { return units_told(*early_, scratch_.path(), {.live_image_bytes = 0}); }

  sqlite::Scratch scratch_;
  Writer writer_;
  std::optional<EarlyScan> early_;
};

TEST_P(EarlyScanTest, IsNotMadeBesideALogThatNobodyHasOpen) {
  writer_.kill();
  EXPECT_FALSE(EarlyScan::take(scratch_.path(), kSeed, true, nullptr, {}));
}

TEST_P(EarlyScanTest, IsTheSameWhenNothingHappened) {
  take();
  EXPECT_GT(known(), 0U);
}

TEST_P(EarlyScanTest, DoesNotKnowWhatWasWrittenAndCopiedBackSince) {
  take();
  change(50);
  run("PRAGMA wal_checkpoint(PASSIVE)");
  change(100);
  EXPECT_GT(known(), 0U);
}

TEST_P(EarlyScanTest, FollowsTheLogThroughABeginning) {
  take();
  change(50);
  run("PRAGMA wal_checkpoint(RESTART)");
  change(1);
  EXPECT_GT(known(), 0U);
}

TEST_P(EarlyScanTest, FollowsAFileThatGrewAndOneThatShrank) {
  take();
  run("INSERT INTO t SELECT a + 1000, randomblob(3000) FROM t WHERE a < 40");
  EXPECT_GT(known(), 0U);
  run("DELETE FROM t WHERE a > 150; PRAGMA wal_checkpoint(RESTART)");
  change(1);
  take();
  run("VACUUM");
  known();
}

TEST_P(EarlyScanTest, IsOfNoUseWhereTheLogWasLost) {
  take();
  for (int round = 0; round < 3; ++round) {
    run("PRAGMA wal_checkpoint(RESTART)");
    change(50);
  }
  EXPECT_EQ(known(), 0U);
}

TEST_P(EarlyScanTest, IsOfNoUseWhereTheFileWasWrittenWithoutALog) {
  take();
  run("PRAGMA journal_mode = DELETE");
  change(50);
  run("PRAGMA journal_mode = WAL");
  change(1);
  EXPECT_EQ(known(), 0U);
}

INSTANTIATE_TEST_SUITE_P(PageSizes, EarlyScanTest, ::testing::Values(512, 4096, 65536));

// The same of a file in rollback mode, whose journals somebody follows.
class EarlyScanByJournalsTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    run("PRAGMA page_size = " + std::to_string(GetParam()) +
        "; PRAGMA journal_mode = DELETE; CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB);");
    run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
        "INSERT INTO t SELECT i, randomblob(3000) FROM n");
    trail_.look();
  }

  void run(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }
  static std::string update(int64_t row) {
    return "UPDATE t SET b = randomblob(3000) WHERE a BETWEEN " + std::to_string(row) + " AND " +
           std::to_string(row + 5);
  }
  void change(int64_t row) {
    run("BEGIN; " + update(row));
    trail_.look();
    run("COMMIT");
  }
  void take() {
    early_ = EarlyScan::take(scratch_.path(), kSeed, true, &trail_, {});
    ASSERT_TRUE(early_);
  }

  size_t known() { return units_told(*early_, scratch_.path(), {.image_bytes = 0}); }

  sqlite::Scratch scratch_;
  Writer writer_;
  JournalTrail trail_{scratch_.path()};
  std::optional<EarlyScan> early_;
};

TEST_P(EarlyScanByJournalsTest, IsTheSameWhenNothingHappened) {
  take();
  EXPECT_GT(known(), 0U);
}

TEST_P(EarlyScanByJournalsTest, DoesNotKnowWhatWasWrittenSince) {
  change(1);
  take();
  change(50);
  change(100);
  run("BEGIN; INSERT INTO t SELECT a + 1000, randomblob(3000) FROM t WHERE a < 40");
  trail_.look();
  run("COMMIT");
  EXPECT_GT(known(), 0U);
}

// Its pages had reached the file when the pass was made.
TEST_P(EarlyScanByJournalsTest, DoesNotKnowWhatWasUnderWay) {
  for (const char* end : {"COMMIT", "ROLLBACK"}) {
    run("PRAGMA cache_size = 4; BEGIN; " + update(1) + "; " + update(100) + "; " + update(200));
    trail_.look();
    if (auto early = EarlyScan::take(scratch_.path(), kSeed, true, &trail_, {})) {
      early_ = std::move(early);
      run(end);
      known();
    } else {
      run(end);
    }
    trail_.look();
    change(10);  // from here on the trail knows where the file stands
    trail_.look();
    run("BEGIN; " + update(1) + "; " + update(100) + "; " + update(200));
    trail_.look();
    take();
    run(end);
    known();
    trail_.look();
  }
}

TEST_P(EarlyScanByJournalsTest, IsOfNoUseWhereAJournalWasMissed) {
  take();
  run(update(50));
  EXPECT_EQ(known(), 0U);
}

INSTANTIATE_TEST_SUITE_P(PageSizes, EarlyScanByJournalsTest, ::testing::Values(512, 4096, 65536));

}  // namespace
}  // namespace syncnode::capture
