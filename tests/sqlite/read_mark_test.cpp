// What a ReadMark notices before its snapshot has begun, when SQLite has read pages already. Whole readings
// beside a living application are in tests/harm.
#include "sqlite/read_mark.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "scratch.h"

namespace syncnode::sqlite {
namespace {

constexpr int kRegionSize = 32768;
constexpr int kTake = SQLITE_SHM_LOCK | SQLITE_SHM_SHARED;
constexpr int kGiveBack = SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED;
constexpr int kMainFileAlone = 3;  // slots of xShmLock
constexpr int kWithLog = 4;
// In the wal-index, after the read marks and the lock bytes (walindex format).
constexpr off_t kBackfillAttempted = 128;

class ReadMarkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    writer_ = std::make_unique<Database>(
        std::move(*Database::open_own(scratch_.path(), Database::Mode::kReadWriteCreate, 1000)));
    write("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(a); INSERT INTO t VALUES(1)");
  }

  void write(const std::string& statements) {
    const auto done = writer_->execute(statements);
    ASSERT_TRUE(done) << done.error().to_string();
  }

  void begin(int slot) {
    file_ = std::make_unique<SourceFile>(std::move(*SourceFile::open(scratch_.path())));
    mark_ = std::make_unique<ReadMark>(*file_, std::make_shared<ImageSpace>(0), BootClock::now(),
                                       std::move(*open_for_reading(file_->wal_path())),
                                       std::move(*open_for_reading(file_->shm_path())));
    volatile void* region = nullptr;
    ASSERT_EQ(mark_->map_shm(0, kRegionSize, &region), SQLITE_READONLY);
    ASSERT_EQ(mark_->lock_shm(slot, 1, kTake), SQLITE_OK);
    ASSERT_TRUE(mark_->check());
  }

  // The first thing the application's last close does; the pages follow.
  void announce_backfill_to(uint32_t frame) {
    const UniqueFd shm(::open((scratch_.path() + "-shm").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::pwrite(shm.get(), &frame, sizeof frame, kBackfillAttempted),
              static_cast<ssize_t>(sizeof frame));
  }

  void expect_broken() {
    const auto checked = mark_->check();
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::kAborted);
  }

  Scratch scratch_;
  std::unique_ptr<Database> writer_;
  std::unique_ptr<SourceFile> file_;
  std::unique_ptr<ReadMark> mark_;
};

TEST_F(ReadMarkTest, ABackfillPastUsIsSeenWhileSqliteStillReadsItsFirstPage) {
  begin(kWithLog);
  announce_backfill_to(1000);
  expect_broken();
}

TEST_F(ReadMarkTest, ABackfillOfFramesWeHaveIsNone) {
  begin(kWithLog);
  announce_backfill_to(1);
  EXPECT_TRUE(mark_->check());
}

TEST_F(ReadMarkTest, SoIsOneUnderAReaderOfTheMainFileAlone) {
  write("PRAGMA wal_checkpoint(PASSIVE)");
  begin(kMainFileAlone);
  write("INSERT INTO t VALUES(2)");  // starts the log again, which is none of our business
  EXPECT_TRUE(mark_->check());
  announce_backfill_to(1);
  expect_broken();
}

// SQLite gives the mark back when it finds page 1 malformed, and only then are we asked.
TEST_F(ReadMarkTest, TheMarkGivenBackTakesNothingFromThat) {
  write("PRAGMA wal_checkpoint(PASSIVE)");
  begin(kMainFileAlone);
  write("INSERT INTO t VALUES(2)");
  announce_backfill_to(1);
  ASSERT_EQ(mark_->lock_shm(kMainFileAlone, 1, kGiveBack), SQLITE_OK);
  expect_broken();
}

}  // namespace
}  // namespace syncnode::sqlite
