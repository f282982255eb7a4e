// Capture by rollback journals, where a page or its checksum could be taken for what it was: what is found by
// page is what a comparison of all rows finds.
#include <gtest/gtest.h>

#include <filesystem>

#include "capture/source_trail.h"
#include "follower.h"
#include "sqlite/scratch.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

class JournalCaptureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    run("PRAGMA page_size = 1024; PRAGMA journal_mode = DELETE; CREATE TABLE t(a INTEGER PRIMARY KEY, b "
        "TEXT)");
    trail_.follow_journals();
    transaction(rows(300));
    look();
  }

  void run(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }
  // Its journal is opened while it is there.
  void transaction(const std::string& statements) {
    trail_.look();
    run("BEGIN; " + statements);
    trail_.look();
    run("COMMIT");
    trail_.look();
  }
  static std::string rows(int count) {
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
           std::to_string(count) + ") INSERT INTO t SELECT i, hex(randomblob(30)) FROM n";
  }

  // Both ways find the same.
  Evidence look() {
    auto snapshot = sqlite::Snapshot::open(scratch_.path());
    EXPECT_TRUE(snapshot) << snapshot.error().to_string();
    auto row_wise = by_row_.look(**snapshot);
    auto page_wise = by_page_.look(**snapshot);
    EXPECT_TRUE(row_wise && page_wise);
    for (const auto& [table, difference] : *row_wise)
      EXPECT_TRUE(difference == page_wise->at(table))
          << difference.to_string() << "\nby page: " << page_wise->at(table).to_string();
    EXPECT_TRUE(by_page_.settle(**snapshot, true));
    EXPECT_TRUE(by_row_.settle(**snapshot, true));
    EXPECT_TRUE((*snapshot)->validate());
    return by_page_.capture()->evidence();
  }

  sqlite::Scratch scratch_;
  Writer writer_;
  SourceTrail trail_{scratch_.path()};
  Ways ways_;
  Follower by_page_{scratch_.path("by-page"), 1, &ways_, &trail_};
  Follower by_row_{scratch_.path("by-row"), 1, nullptr, nullptr};
};

// The leaves are freed without being written, and come back in their old places with other rows.
TEST_F(JournalCaptureTest, FindsRowsInPagesThatWereFreeInBetween) {
  for (int count = 20; count < 400; count += 20) {
    transaction("DELETE FROM t");
    transaction(rows(count));
    EXPECT_EQ(look(), Evidence::kJournals);
    transaction("DELETE FROM t");
    transaction(rows(count));
    EXPECT_EQ(look(), Evidence::kJournals);
  }
}

// The checksum that a page has is of what it was before the journals told of it, and is again.
TEST_F(JournalCaptureTest, FindsRowsOfAPageThatIsAsItWasWhenItWasPassedOver) {
  std::filesystem::copy_file(scratch_.path(), scratch_.path("before.db"));
  transaction("UPDATE t SET b = 'changed' WHERE a BETWEEN 100 AND 120");
  EXPECT_EQ(look(), Evidence::kJournals);
  writer_.close(0);
  std::filesystem::copy_file(scratch_.path("before.db"), scratch_.path(),
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_EQ(writer_.open(0, scratch_.path()), "");
  EXPECT_EQ(look(), Evidence::kChecksums);
}

// SQLite cuts a file off when the journal is gone, which is a write without one: checksums then, not
// journals.
TEST_F(JournalCaptureTest, FindsRowsOfAFileThatWasCutOffAndGrewAgain) {
  run("PRAGMA auto_vacuum = FULL; VACUUM");
  trail_.look();
  look();
  for (int count = 40; count < 400; count += 40) {
    transaction("DELETE FROM t WHERE a > 20");
    transaction(
        "INSERT INTO t SELECT a + 20, hex(randomblob(30)) FROM t; INSERT INTO t SELECT a + 40, 'x' || b FROM "
        "t");
    look();
  }
}

}  // namespace
}  // namespace syncnode::capture
