#include "follow/file_state.h"

#include <sys/stat.h>

#include <fstream>
#include <random>

#include "application.h"

namespace syncnode::follow {
namespace {

FileState look(const std::string& path) {
  auto state = FileState::of(path);
  EXPECT_TRUE(state) << state.error().to_string();
  return *state;
}

// By an application that died.
void leave_an_index(const std::string& path) {
  Application application(path);
  application.run("PRAGMA journal_mode=WAL");
  application.run("CREATE TABLE t(a)");
  application.run("INSERT INTO t VALUES(1)");
  application.die();
}

// What an unchanged client rests on.
bool proves_unchanged(const FileState& before, const FileState& after) {
  return before.is_proof() && before == after;
}

// Many within one tick of the clock that stamps files, and none of them makes the file longer.
void expect_every_commit_seen(Application& application, const std::string& path, bool is_proof) {
  for (int i = 0; i < 300; ++i) {
    const FileState before = look(path);
    EXPECT_TRUE(before.is_proof() || !is_proof) << "look " << i;
    application.run("UPDATE t SET a = a + 1");
    ASSERT_FALSE(proves_unchanged(before, look(path))) << "commit " << i;
  }
}

class InEveryMode : public testing::TestWithParam<const char*> {};

TEST_P(InEveryMode, EveryCommitChangesIt) {
  const Directory directory;
  const std::string path = directory / "webui.db";
  Application application(path);
  application.run(std::string("PRAGMA journal_mode=") + GetParam());
  application.run("PRAGMA synchronous=OFF");
  application.run("CREATE TABLE t(a)");
  application.run("INSERT INTO t VALUES(1)");
  expect_every_commit_seen(application, path, true);
  const FileState idle = look(path);
  application.run("SELECT * FROM t");
  EXPECT_TRUE(proves_unchanged(idle, look(path))) << "readers change nothing";
}
INSTANTIATE_TEST_SUITE_P(Modes, InEveryMode,
                         testing::Values("WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY"),
                         [](const auto& mode) { return std::string(mode.param); });

TEST(FileState, SeesCommitsThatOvertakeTheLog) {
  const Directory directory;
  const std::string path = directory / "webui.db";
  Application application(path);
  application.run("PRAGMA journal_mode=WAL");
  application.run("CREATE TABLE t(a)");
  application.run("INSERT INTO t VALUES(1)");
  application.run("PRAGMA wal_autocheckpoint=3");  // the log begins anew all the time, at the same length
  expect_every_commit_seen(application, path, false);
  application.run("PRAGMA wal_checkpoint(TRUNCATE)");
  expect_every_commit_seen(application, path, false);
}

TEST(FileState, KnowsAnIndexThatIsNotTheLogs) {
  const Directory directory;
  const std::string path = directory / "webui.db";
  leave_an_index(path);
  ASSERT_TRUE(std::filesystem::exists(path + "-shm"));
  Application keeps_it_in_memory(path);
  keeps_it_in_memory.run("PRAGMA locking_mode=EXCLUSIVE");
  keeps_it_in_memory.run("PRAGMA wal_autocheckpoint=3");
  keeps_it_in_memory.run("PRAGMA synchronous=OFF");
  expect_every_commit_seen(keeps_it_in_memory, path, false);
}

// Of this very log, and older than what is written to it by one who has no use for the index.
TEST(FileState, KnowsAnIndexThatNobodyHasOpen) {
  const Directory directory;
  const std::string path = directory / "webui.db";
  leave_an_index(path);
  const FileState before = look(path);
  Application keeps_it_in_memory(path);
  keeps_it_in_memory.run("PRAGMA locking_mode=EXCLUSIVE");
  keeps_it_in_memory.run("INSERT INTO t VALUES(2)");
  EXPECT_FALSE(proves_unchanged(before, look(path)));
}

TEST(FileState, WhatIsUndoneHasNotCounted) {
  const Directory directory;
  const std::string path = directory / "webui.db";
  Application application(path);
  application.run("PRAGMA journal_mode=WAL");
  application.run("CREATE TABLE t(a)");
  application.run("INSERT INTO t VALUES(randomblob(500000))");
  application.run("PRAGMA cache_size=2");
  const FileState before = look(path);
  const auto length = std::filesystem::file_size(path + "-wal");
  application.run("BEGIN");
  application.run("INSERT INTO t VALUES(randomblob(500000))");
  ASSERT_GT(std::filesystem::file_size(path + "-wal"), length) << "its pages are in the log already";
  EXPECT_TRUE(proves_unchanged(before, look(path)));
  application.run("ROLLBACK");
  EXPECT_TRUE(proves_unchanged(before, look(path)));
}

TEST(FileState, TellsAWriteUnderWay) {
  const Directory directory;
  const std::string path = directory / "webui.db";
  Application application(path);
  application.run("PRAGMA journal_mode=PERSIST");
  application.run("CREATE TABLE t(a)");
  application.run("INSERT INTO t VALUES(1)");
  EXPECT_FALSE(look(path).is_writing()) << "its journal stays, with its beginning wiped out";
  application.run("PRAGMA cache_size=2");
  application.run("BEGIN");
  application.run("INSERT INTO t VALUES(randomblob(500000))");
  const FileState writing = look(path);
  EXPECT_TRUE(writing.is_writing());
  EXPECT_FALSE(writing.is_proof());
  application.run("COMMIT");
  EXPECT_FALSE(look(path).is_writing());
  EXPECT_TRUE(look(path).is_proof());
}

TEST(FileState, FindsAnotherFileInItsPlace) {
  const Directory directory;
  const std::string path = directory / "webui.db";
  {
    Application application(path);
    application.run("CREATE TABLE t(a)");
  }
  const FileState before = look(path);
  std::filesystem::copy_file(path, path + ".new");
  std::filesystem::rename(path + ".new", path);
  EXPECT_FALSE(before == look(path));
  std::filesystem::remove(path);
  EXPECT_FALSE(look(path).exists());
  EXPECT_FALSE(look(path).is_proof());
}

TEST(FileState, RefusesWhatIsNoFile) {
  const Directory directory;
  std::filesystem::create_symlink("/etc/passwd", directory / "link.db");
  EXPECT_EQ(FileState::of(directory / "link.db").error().code, ErrorCode::kFailedPrecondition);
  ASSERT_EQ(::mkfifo((directory / "fifo.db").c_str(), 0600), 0);
  EXPECT_EQ(FileState::of(directory / "fifo.db").error().code, ErrorCode::kFailedPrecondition);
  std::ofstream(directory / "short.db") << "x";
  EXPECT_TRUE(FileState::of(directory / "short.db")) << "a run says what is wrong with it";
}

// All of it in any order: the property that matters.
TEST(FileState, NeverHidesACommit) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const Directory directory;
  const std::string path = directory / "webui.db";
  auto application = std::make_unique<Application>(path);
  application->run("CREATE TABLE t(a)");
  application->run("INSERT INTO t VALUES(1)");
  const char* turns[] = {"PRAGMA journal_mode=WAL",
                         "PRAGMA journal_mode=DELETE",
                         "PRAGMA journal_mode=PERSIST",
                         "PRAGMA wal_checkpoint(RESTART)",
                         "PRAGMA wal_checkpoint(PASSIVE)",
                         "PRAGMA wal_autocheckpoint=2",
                         "VACUUM",
                         "PRAGMA locking_mode=EXCLUSIVE",
                         "PRAGMA locking_mode=NORMAL",
                         "PRAGMA synchronous=OFF"};
  for (int i = 0; i < 600; ++i) {
    const auto dice = random() % 100;
    if (dice < 10) application->run(turns[random() % std::size(turns)]);
    if (dice == 10) application = std::make_unique<Application>(path);
    if (dice == 11) {
      application->die();
      application = std::make_unique<Application>(path);
    }
    const FileState before = look(path);
    application->run("UPDATE t SET a = a + 1");
    // In exclusive mode a rollback journal's commits are not counted, but then nobody can read either.
    const bool nobody_reads = application->run("PRAGMA locking_mode") == "exclusive" &&
                              application->run("PRAGMA journal_mode") != "wal";
    ASSERT_TRUE(nobody_reads || !proves_unchanged(before, look(path))) << "commit " << i;
  }
}

}  // namespace
}  // namespace syncnode::follow
