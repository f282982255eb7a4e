// Capture where the main file is not the one it was, or is damaged while it is followed: what it had is no
// base to go on from. And a wal-index that claims too much.
#include <gtest/gtest.h>
#include <malloc.h>

#include <filesystem>
#include <fstream>

#include "covers.h"
#include "follower.h"
#include "sqlite/scratch.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

class ReplacedFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    begin();
    run("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);");
    run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
        "INSERT INTO t SELECT i, hex(randomblob(40)) FROM n; PRAGMA wal_checkpoint(TRUNCATE)");
  }

  void begin() {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    run("PRAGMA wal_autocheckpoint = 0");
  }
  void run(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }
  void change(int64_t row) { run("UPDATE t SET b = hex(randomblob(40)) WHERE a = " + std::to_string(row)); }
  void ship() {
    const auto snapshot = open();
    ASSERT_TRUE(follower_.look(*snapshot));
    ASSERT_TRUE(follower_.settle(*snapshot, true));
  }
  std::unique_ptr<sqlite::Snapshot> open() const {
    auto snapshot = sqlite::Snapshot::open(scratch_.path(), {.live_image_bytes = 0});
    EXPECT_TRUE(snapshot) << snapshot.error().to_string();
    return std::move(*snapshot);
  }
  void next_run() {
    ASSERT_TRUE(follower_.memory().begin("the next run"));
    ASSERT_TRUE(capture_.open());
  }
  void look(Status (Capture::*way)(sqlite::Snapshot&, const SourceSchema&, Trail*)) {
    const auto snapshot = open();
    const auto schema = snapshot->read_schema();
    ASSERT_TRUE(schema);
    const Status done = (capture_.*way)(*snapshot, *schema, nullptr);
    ASSERT_TRUE(done) << done.error().to_string();
  }

  sqlite::Scratch scratch_;
  sqlite::Scratch memory_;
  Writer writer_;
  Ways ways_;
  Follower follower_{memory_.path("."), 3, &ways_, nullptr};
  Capture capture_{follower_.memory()};
};

// An operator who puts a backup back and forgets the log: the application recovers the old log over it, with
// the salts and checksums that it had.
TEST_F(ReplacedFileTest, AnOldLogBesideAnotherFileTellsNothing) {
  std::filesystem::copy_file(scratch_.path(), scratch_.path("backup.db"));
  change(500);
  run("PRAGMA wal_checkpoint(RESTART)");
  change(1000);
  run("PRAGMA wal_checkpoint(PASSIVE)");
  ship();
  writer_.kill();
  std::filesystem::rename(scratch_.path("backup.db"), scratch_.path());
  begin();
  change(1500);
  next_run();
  look(&Capture::find);
  EXPECT_EQ(capture_.evidence(), Evidence::kChecksums);
  for (const int64_t row : {500, 1500}) EXPECT_TRUE(covers(capture_, row)) << row;
  EXPECT_FALSE(covers(capture_, 200));
}

// The map is half made where a page was not what it should be: the next snapshot of the run does not go on
// from it.
TEST_F(ReplacedFileTest, GoesOnFromAWholeMapAlone) {
  ship();
  next_run();
  change(500);
  run("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto bytes = std::filesystem::file_size(scratch_.path());
  {
    std::fstream file(scratch_.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(bytes - 4096) + 3);  // how many cells the last leaf has
    file.write("\xff\xff", 2);
  }
  look(&Capture::find);
  EXPECT_EQ(capture_.finding("t").what, Finding::What::kEverything);
  change(1000);
  look(&Capture::go_on);
  for (const int64_t row : {500, 1000, 1999}) EXPECT_TRUE(covers(capture_, row)) << row;
  change(1500);
  look(&Capture::go_on);
  for (const int64_t row : {500, 1000, 1500, 1999}) EXPECT_TRUE(covers(capture_, row)) << row;
}

// The shared memory is the client's: what it claims is no reason to take as much of ours.
TEST_F(ReplacedFileTest, AHugeWalIndexTakesNoMemory) {
  change(500);
  std::filesystem::resize_file(scratch_.path() + "-shm", uint64_t{2} << 30);
  const auto used = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const size_t before = used();
  auto snapshot = sqlite::Snapshot::open(scratch_.path());  // copied at once
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  EXPECT_LT(used() - before, size_t{16} << 20);
  EXPECT_TRUE((*snapshot)->read_schema());
  EXPECT_TRUE((*snapshot)->validate());
}

}  // namespace
}  // namespace syncnode::capture
