// What a Snapshot refuses and survives. How it behaves beside a living application is in tests/harm.
#include "sqlite/snapshot.h"

#include <poll.h>
#include <sys/stat.h>

#include <random>

#include "scratch.h"
#include "sqlite/file_facts.h"
#include "sqlite/source_pages.h"

namespace syncnode::sqlite {
namespace {

using std::chrono::milliseconds;

constexpr const char* kFill =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT, c UNIQUE);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) "
    "INSERT INTO t SELECT i, printf('%0300d', i), i * 7 FROM n;";

const SnapshotOptions kInPlace = [] {
  SnapshotOptions options;
  options.image_bytes = 0;
  return options;
}();

// Reads everything; the number of rows, or the error.
Result<int64_t> read_all(Snapshot& snapshot) {
  SN_ASSIGN(const SourceSchema schema, snapshot.read_schema());
  int64_t rows = 0;
  for (const SourceTable& table : schema.tables) {
    SN_ASSIGN(auto statement, snapshot.prepare("SELECT * FROM " + quote_identifier(table.name)));
    for (;;) {
      SN_ASSIGN(const bool row, statement.step());
      if (!row) break;
      for (int i = 0; i < statement.column_count(); ++i) statement.column(i);
      ++rows;
      SN_TRY(snapshot.breathe());
    }
  }
  SN_TRY(snapshot.validate());
  return rows;
}

Result<int64_t> open_and_read(const std::string& path, const SnapshotOptions& options = {}) {
  SN_ASSIGN(auto snapshot, Snapshot::open(path, options));
  return read_all(*snapshot);
}

TEST(Snapshot, BreathesOutWhileTheLeaseIsRenewed) {
  const auto renewal = std::make_shared<RightOfWay>();
  const Scratch scratch;
  const std::string path = scratch.make(kFill);
  auto snapshot = Snapshot::open(path, {.gives_way_to = renewal});
  ASSERT_TRUE(snapshot) << snapshot.error().to_string();
  const Deadline at = BootClock::now();
  renewal->announce(at);
  EXPECT_TRUE((*snapshot)->breathe());
  EXPECT_GE(BootClock::now(), at + RightOfWay::kMost);
  EXPECT_TRUE((*snapshot)->validate());
}

TEST(Snapshot, ReadsBothJournalModesBothWays) {
  Scratch scratch;
  const std::string rollback = scratch.make(kFill, "rollback.db");
  const std::string wal = scratch.make(std::string("PRAGMA journal_mode=WAL;") + kFill, "wal.db");
  for (const SnapshotOptions& options : {SnapshotOptions{}, kInPlace}) {
    for (const std::string& path : {rollback, wal}) {
      auto snapshot = Snapshot::open(path, options);
      ASSERT_TRUE(snapshot) << snapshot.error().to_string();
      EXPECT_EQ((*snapshot)->journal_mode(), path == wal ? JournalMode::kWal : JournalMode::kRollback);
      auto rows = read_all(**snapshot);
      ASSERT_TRUE(rows) << rows.error().to_string();
      EXPECT_EQ(*rows, 2000);
      EXPECT_GT((*snapshot)->harm().bytes_read, 600'000u);
      EXPECT_LE((*snapshot)->harm().longest_shared_hold, milliseconds(100));
      EXPECT_NE((*snapshot)->identity().inode, 0u);
    }
  }
}

TEST(Snapshot, AnEmptyFileIsAnEmptyDatabase) {
  Scratch scratch;
  auto rows = open_and_read(scratch.write(""));
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(*rows, 0);
}

TEST(Snapshot, RefusesWhatIsNoDatabase) {
  Scratch scratch;
  EXPECT_EQ(open_and_read(scratch.path("none")).error().code, ErrorCode::kNotFound);
  for (const std::string& content : {std::string("hello"), std::string(8192, '\x8f')}) {
    const Error error = open_and_read(scratch.write(content, "other")).error();
    EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
    EXPECT_NE(error.message.find("SQLCipher"), std::string::npos);
  }
  scratch.make(kFill);
  ASSERT_EQ(::symlink(scratch.path().c_str(), scratch.path("link").c_str()), 0);
  EXPECT_EQ(open_and_read(scratch.path("link")).error().code, ErrorCode::kFailedPrecondition);
  ASSERT_EQ(::mkfifo(scratch.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(open_and_read(scratch.path("pipe")).error().code, ErrorCode::kFailedPrecondition);
  ASSERT_EQ(::mkfifo((scratch.path() + "-journal").c_str(), 0600), 0);
  EXPECT_EQ(open_and_read(scratch.path()).error().code, ErrorCode::kFailedPrecondition);
}

// The directory is the application's to write: what it puts there may lead anywhere.
TEST(Snapshot, FollowsNoLinkToADirectoryOrALog) {
  Scratch scratch;
  scratch.make(kFill);
  const std::filesystem::path directory = std::filesystem::path(scratch.path()).parent_path();
  std::filesystem::create_directory_symlink(directory, scratch.path("way"));
  EXPECT_EQ(open_and_read(scratch.path("way/webui.db")).error().code, ErrorCode::kFailedPrecondition);
  ASSERT_TRUE(open_and_read(scratch.path()));
  for (const char* log : {"-wal", "-journal"}) {
    std::filesystem::copy_file(scratch.path(), scratch.path("other"));
    std::filesystem::create_symlink(scratch.path("other"), scratch.path() + log);
    EXPECT_EQ(open_and_read(scratch.path()).error().code, ErrorCode::kFailedPrecondition) << log;
    std::filesystem::remove(scratch.path() + log);
    std::filesystem::remove(scratch.path("other"));
  }
}

TEST(Snapshot, CannotWrite) {
  Scratch scratch;
  scratch.make(kFill);
  const std::string before = scratch.bytes();
  {
    auto snapshot = Snapshot::open(scratch.path());
    ASSERT_TRUE(snapshot);
    for (const char* statement : {"DELETE FROM t", "CREATE TABLE u(a)", "PRAGMA user_version=3", "VACUUM",
                                  "UPDATE sqlite_schema SET sql = ''", "PRAGMA journal_mode=WAL"}) {
      auto prepared = (*snapshot)->prepare(statement);
      if (prepared) {
        const auto ran = prepared->run();
        EXPECT_TRUE(!ran || statement == std::string("PRAGMA journal_mode=WAL")) << statement;
      }
    }
  }
  EXPECT_EQ(scratch.bytes(), before);
}

TEST(Snapshot, GivesSharedBackWhileTheReaderIsBusyElsewhere) {
  Scratch scratch;
  scratch.make(kFill);
  auto snapshot = Snapshot::open(scratch.path(), kInPlace);
  ASSERT_TRUE(snapshot);
  auto statement = (*snapshot)->prepare("SELECT * FROM t");
  ASSERT_TRUE(statement && *statement->step());
  ::poll(nullptr, 0, 300);  // the reader is busy with something that takes longer than a hold may
  while (*statement->step()) {
  }
  EXPECT_TRUE((*snapshot)->validate());
  EXPECT_GE((*snapshot)->harm().longest_shared_hold, milliseconds(30));
  EXPECT_LE((*snapshot)->harm().longest_shared_hold, milliseconds(100));
}

TEST(Snapshot, AWriterWhoWaitsGetsTheFile) {
  Scratch scratch;
  scratch.make(kFill);
  SnapshotOptions endless = kInPlace;
  endless.hold = std::chrono::minutes(10);  // far beyond what the writer waits
  auto snapshot = Snapshot::open(scratch.path(), endless);
  ASSERT_TRUE(snapshot);
  auto statement = (*snapshot)->prepare("SELECT * FROM t");
  ASSERT_TRUE(statement && *statement->step());
  auto writer = Database::open_own(scratch.path(), Database::Mode::kReadWriteCreate, 20'000);
  ASSERT_TRUE(writer);
  EXPECT_TRUE(writer->execute("UPDATE t SET b = 'changed'"));
  Result<bool> more = true;
  while (more && *more) more = statement->step();
  EXPECT_FALSE(more);
  const Status valid = (*snapshot)->validate();
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().code, ErrorCode::kAborted);
  // The file is readable again, in place or copied, also by a reader that insists from the start.
  EXPECT_TRUE(open_and_read(scratch.path(), endless));
  SnapshotOptions insisting;
  insisting.courtesy = std::chrono::milliseconds(0);
  EXPECT_TRUE(open_and_read(scratch.path(), insisting));
}

// Every page, or those up to one.
std::vector<bool> pages_of(Snapshot& snapshot, uint32_t last = UINT32_MAX) {
  auto pages = snapshot.pages();
  EXPECT_TRUE(pages);
  std::vector<bool> wanted(size_t{(*pages)->page_count()} + 1);
  for (size_t page = 1; page < wanted.size() && page <= last; ++page) wanted[page] = true;
  return wanted;
}

TEST(Snapshot, KeptPagesNeedNoLock) {
  Scratch scratch;
  scratch.make(kFill);
  auto writer = Database::open_own(scratch.path(), Database::Mode::kReadWriteCreate, 0);
  ASSERT_TRUE(writer);
  SnapshotOptions insisting = kInPlace;
  insisting.hold = std::chrono::minutes(10);
  insisting.courtesy = milliseconds(0);
  auto snapshot = Snapshot::open(scratch.path(), insisting);
  ASSERT_TRUE(snapshot);
  const std::vector<bool> all = pages_of(**snapshot);
  auto first = (*snapshot)->prepare("SELECT * FROM t");
  ASSERT_TRUE(first && *first->step());
  EXPECT_TRUE((*snapshot)->holds_shared());
  EXPECT_FALSE(writer->execute("UPDATE t SET b = 'changed'"))
      << "he finds it locked, and is not given way to";
  ASSERT_TRUE((*snapshot)->keep_pages(all));
  EXPECT_FALSE((*snapshot)->holds_shared());
  EXPECT_TRUE(writer->execute("UPDATE t SET b = 'changed'"));
  auto statement = (*snapshot)->prepare("SELECT count(*) FROM t WHERE b = 'changed'");
  ASSERT_TRUE(statement && *statement->step());
  EXPECT_EQ(statement->column_int64(0), 0) << "it is of before";
  EXPECT_TRUE((*snapshot)->validate());
}

// A slow disk: nobody waits for more than a hold, and what was not copied in it is read as before.
TEST(Snapshot, PagesAreKeptWithinAHoldOrNotAtAll) {
  Scratch scratch;
  scratch.make(kFill);
  SnapshotOptions brief = kInPlace;
  brief.hold = milliseconds(0);
  auto snapshot = Snapshot::open(scratch.path(), brief);
  ASSERT_TRUE(snapshot);
  ASSERT_TRUE((*snapshot)->keep_pages(pages_of(**snapshot)));
  EXPECT_TRUE((*snapshot)->holds_shared()) << "they were copied, however long it took";
  EXPECT_TRUE(read_all(**snapshot));
  EXPECT_TRUE((*snapshot)->validate());
}

TEST(Snapshot, WhatWasNotKeptCannotBeRead) {
  Scratch scratch;
  scratch.make(kFill);
  auto snapshot = Snapshot::open(scratch.path(), kInPlace);
  ASSERT_TRUE(snapshot);
  ASSERT_TRUE((*snapshot)->keep_pages(pages_of(**snapshot, 1)));
  const auto rows = read_all(**snapshot);
  ASSERT_FALSE(rows);
  const Status valid = (*snapshot)->validate();
  EXPECT_TRUE(rows.error().code == ErrorCode::kAborted ||
              (!valid && valid.error().code == ErrorCode::kAborted));
}

// What is known of the file is of the moment its content was fixed, whatever was written since.
TEST(Snapshot, ItsPagesSayWhatTheFileWasThen) {
  Scratch scratch;
  scratch.make(kFill);
  auto writer = Database::open_own(scratch.path(), Database::Mode::kReadWriteCreate, 0);
  ASSERT_TRUE(writer);
  auto snapshot = Snapshot::open(scratch.path());  // copied at once
  ASSERT_TRUE(snapshot);
  const auto before = facts_of(scratch.path());
  ASSERT_TRUE(before);
  pause_for(milliseconds(50));  // longer than two writes can look like one
  ASSERT_TRUE(writer->execute("UPDATE t SET b = 'changed'"));
  pause_for(milliseconds(50));
  auto pages = (*snapshot)->pages();
  ASSERT_TRUE(pages);
  EXPECT_EQ((*pages)->main().facts, *before);
  EXPECT_FALSE(*facts_of(scratch.path()) == *before);
}

TEST(Snapshot, AReplacedFileIsNoSnapshot) {
  Scratch scratch;
  scratch.make(kFill);
  auto snapshot = Snapshot::open(scratch.path());
  ASSERT_TRUE(snapshot);
  scratch.make("CREATE TABLE other(a)", "other.db");
  std::filesystem::rename(scratch.path("other.db"), scratch.path());
  EXPECT_EQ((*snapshot)->validate().error().code, ErrorCode::kAborted);
}

// Damaged files give an error or rows, never a crash and never an endless read.
// What a writer leaves who was killed at any moment of the log's life; the committed rows are all there.
TEST(Snapshot, ReadsWhatAKilledWriterLeft) {
  Scratch scratch;
  scratch.make(std::string("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;") + kFill, "whole.db");
  auto writer = Database::open_own(scratch.path("whole.db"), Database::Mode::kReadWriteCreate, 1000);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->execute("PRAGMA wal_autocheckpoint=0; INSERT INTO t SELECT id + 5000, b, -id FROM t"));
  const std::string main = scratch.bytes("whole.db");
  const std::string log = scratch.bytes("whole.db-wal");
  const std::string index = scratch.bytes("whole.db-shm");
  ASSERT_GT(log.size(), 600'000u);

  std::string bad_magic = log;
  bad_magic[0] = 0;
  std::string bad_page_size = log;
  bad_page_size[11] = 3;
  std::string bad_checksum = log;
  bad_checksum[24] = static_cast<char>(bad_checksum[24] ^ 1);
  std::string other_salt = log;
  other_salt[32 + 8] = static_cast<char>(other_salt[32 + 8] ^ 1);
  const struct {
    const char* name;
    std::string log;
    int64_t rows;
  } cases[] = {
      {"whole", log, 4000},
      {"empty", "", 2000},
      {"part of the header", log.substr(0, 31), 2000},
      {"the header alone", log.substr(0, 32), 2000},
      {"part of a frame", log.substr(0, 100), 2000},
      {"without its last frame", log.substr(0, log.size() - 1), 2000},
      {"no magic", bad_magic, 2000},
      {"no page size", bad_page_size, 2000},
      {"header torn", bad_checksum, 2000},
      {"frames of an earlier round", other_salt, 2000},
  };
  for (const auto& one : cases) {
    for (const bool with_index : {false, true}) {
      for (const SnapshotOptions& options :
           {SnapshotOptions{milliseconds(40), milliseconds(2000)}, kInPlace}) {
        SCOPED_TRACE(std::string(one.name) + (with_index ? ", index left behind" : ""));
        const std::string path = scratch.write(main, "left.db");
        scratch.write(one.log, "left.db-wal");
        std::filesystem::remove(scratch.path("left.db-shm"));
        if (with_index) scratch.write(index, "left.db-shm");
        auto rows = open_and_read(path, options);
        ASSERT_TRUE(rows) << rows.error().to_string();
        EXPECT_EQ(*rows, one.rows);
      }
    }
  }
}

TEST(Snapshot, SurvivesDamage) {
  Scratch scratch;
  for (const std::string mode : {"DELETE", "WAL"}) {
    std::filesystem::remove(scratch.path());
    scratch.make("PRAGMA journal_mode=" + mode + ";" + kFill);
    const std::string whole = scratch.bytes();
    std::mt19937 random(20251010);
    int refused = 0;
    for (int round = 0; round < (mode == "WAL" ? 20 : 150); ++round) {
      std::string damaged = whole;
      const size_t hits = 1 + random() % 40;
      for (size_t hit = 0; hit < hits; ++hit)
        damaged[100 + random() % (damaged.size() - 100)] = static_cast<char>(random());
      if (round % 5 == 0) damaged.resize(100 + random() % damaged.size());
      SnapshotOptions options = round % 2 == 0 ? kInPlace : SnapshotOptions{};
      options.patience = milliseconds(300);
      const auto rows = open_and_read(scratch.write(damaged), options);
      if (rows) continue;
      ++refused;
      EXPECT_TRUE(rows.error().code == ErrorCode::kCorruption) << rows.error().to_string();
    }
    EXPECT_GT(refused, 5);
  }
}

TEST(Snapshot, QuotesIdentifiers) {
  EXPECT_EQ(quote_identifier(""), "\"\"");
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
}

}  // namespace
}  // namespace syncnode::sqlite
