// JournalTrail beside a real application: whatever it says of two snapshots contains every page that differs
// between them, and where it missed something it says nothing.
#include "capture/journal_trail.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "seen.h"
#include "sqlite/scratch.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

// So page 1 is in its journal, also when it is rolled back.
constexpr const char* kFreesPages = "DELETE FROM t WHERE a < 50";

class JournalTrailTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    run("PRAGMA page_size = 512; PRAGMA journal_mode = DELETE; CREATE TABLE t(a INTEGER PRIMARY KEY, b "
        "TEXT);");
    run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
        "INSERT INTO t SELECT i, hex(randomblob(20)) FROM n");
    trail_.look();
  }

  void run(const std::string& sql, int connection = 0) {
    ASSERT_EQ(writer_.execute(connection, sql), "") << sql;
  }
  static std::string update(int64_t row) {
    return "UPDATE t SET b = hex(randomblob(20)) WHERE a BETWEEN " + std::to_string(row) + " AND " +
           std::to_string(row + 3);
  }
  // A transaction whose journal is opened while it is there.
  void change(const std::string& statements, const std::string& end = "COMMIT") {
    run("BEGIN; " + statements);
    trail_.look();
    run(end);
  }
  void change(int64_t row) { change(update(row)); }

  Seen see() const { return see_all(scratch_.path(), {}); }
  // A snapshot that the trail was told of, as by every run: what comes after it can be told.
  Seen known() {
    Seen seen = see();
    trail_.met(seen.position);
    return seen;
  }

  // False: the trail does not know.
  bool holds(const Seen& earlier, const Seen& later) {
    const auto told = trail_.between(earlier.position, later.position);
    if (!told) return false;
    const std::set<uint32_t> all(told->begin(), told->end());
    for (size_t i = 0; i < later.pages.size(); ++i) {
      const bool same = i < earlier.pages.size() && earlier.pages[i] == later.pages[i];
      EXPECT_TRUE(same || all.contains(static_cast<uint32_t>(i) + 1)) << "page " << i + 1 << " was not told";
    }
    return true;
  }

  sqlite::Scratch scratch_;
  Writer writer_;
  JournalTrail trail_{scratch_.path()};
};

TEST_F(JournalTrailTest, TellsWhatTransactionsWrote) {
  const Seen first = known();
  for (int64_t row = 1; row < 100; row += 10) change(row);
  const Seen second = known();
  EXPECT_TRUE(holds(first, second));
  const auto told = trail_.between(first.position, second.position);
  EXPECT_LT(told->size(), second.pages.size() / 2) << "not everything";
  change(200);
  const Seen third = known();
  EXPECT_TRUE(holds(second, third));
  EXPECT_TRUE(holds(first, third));
  EXPECT_TRUE(holds(third, third));
}

TEST_F(JournalTrailTest, DoesNotKnowWhatItMissed) {
  const Seen first = known();
  change(1);
  run(update(50));  // made and gone between two looks
  change(100);
  trail_.look();
  const Seen second = known();
  EXPECT_FALSE(holds(first, second));
  change(150);
  EXPECT_TRUE(holds(second, known())) << "from then on it knows again";
}

TEST_F(JournalTrailTest, TakesNoRolledBackTransactionForTheOneThatCameAfterIt) {
  // Both keep page 1 with the same counter, both reach the file.
  run("PRAGMA cache_size = 4");
  const Seen first = known();
  change("DELETE FROM t WHERE a < 50; UPDATE t SET b = 'x' || b WHERE a < 100", "ROLLBACK");
  run(update(300));
  EXPECT_FALSE(holds(first, known()));
  // The same where nothing says of the first one that it was not committed but the file itself.
  run("PRAGMA synchronous = OFF");
  trail_.look();
  const Seen second = known();
  change(kFreesPages, "ROLLBACK");
  trail_.look();
  run(update(300));
  EXPECT_FALSE(holds(second, known()));
}

// Who looks late finds that the next one has already written to the file.
TEST_F(JournalTrailTest, LearnsFromTheNextJournalHowTheLastOneEnded) {
  run("PRAGMA cache_size = 4");
  run("PRAGMA synchronous = OFF");  // also what is rolled back leaves a whole journal
  const std::string spills = "UPDATE t SET b = 'x' || b WHERE a < 200";
  const Seen first = known();
  int row = 200;
  for (const char* end : {"COMMIT", "ROLLBACK", "COMMIT"}) {
    run("BEGIN; DELETE FROM t WHERE a BETWEEN " + std::to_string(row) + " AND " + std::to_string(row + 49) +
        "; " + spills);
    row += 50;
    trail_.look();
    run(end);
    run("BEGIN; " + spills);
    trail_.look();
    run("COMMIT");
  }
  const Seen second = known();
  EXPECT_TRUE(holds(first, second));
  EXPECT_TRUE(holds(second, second));
}

TEST_F(JournalTrailTest, TellsWhatWasWrittenBesideWhatWasRolledBack) {
  const Seen first = known();
  change(update(10), "ROLLBACK");
  change(200);
  trail_.look();  // without waiting for the disk there may be nothing between the end of one and the next
  run("PRAGMA synchronous = OFF");
  change(kFreesPages, "ROLLBACK");  // whole, and of the same counter as the next one
  trail_.look();
  change(300);
  EXPECT_TRUE(holds(first, known()));
}

TEST_F(JournalTrailTest, KnowsThePagesThatWereFree) {
  const Seen first = known();
  change("DELETE FROM t");  // its leaves are not written
  change(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
      "INSERT INTO t SELECT i, hex(randomblob(20)) FROM n");
  EXPECT_TRUE(holds(first, known()));
}

TEST_F(JournalTrailTest, KnowsAFileThatGrewAndOneThatShrank) {
  const Seen first = known();
  change("INSERT INTO t SELECT a + 1000, b FROM t");
  const Seen second = known();
  EXPECT_TRUE(holds(first, second));
  change("DELETE FROM t WHERE a > 300");
  const Seen third = known();
  EXPECT_TRUE(holds(second, third));
  EXPECT_TRUE(holds(first, third));
}

TEST_F(JournalTrailTest, DoesNotKnowAFileThatWasOverwritten) {
  const auto copy = [](const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  };
  copy(scratch_.path(), scratch_.path("older.db"));
  change(1);
  const Seen first = known();
  change(100);
  change(150);
  copy(scratch_.path("older.db"), scratch_.path());  // the same inode, an older counter
  for (int64_t row = 200; row < 260; row += 10) change(row);
  EXPECT_FALSE(holds(first, known()));
  const Seen second = known();
  copy(scratch_.path("older.db"), scratch_.path("newer.db"));
  std::filesystem::rename(scratch_.path("newer.db"), scratch_.path());  // another one
  writer_.close(0);
  ASSERT_EQ(writer_.open(0, scratch_.path()), "");
  for (int64_t row = 200; row < 260; row += 10) change(row);
  EXPECT_FALSE(holds(second, known()));
}

// The counter stays, as under an editor of files; only the kernel says that somebody wrote.
TEST_F(JournalTrailTest, DoesNotKnowWhatWasWrittenWithoutAJournal) {
  change(1);
  const Seen first = known();
  {
    std::fstream file(scratch_.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-20, std::ios::end);
    file << "xx";
  }
  EXPECT_FALSE(holds(first, known()));
  const Seen second = known();
  EXPECT_TRUE(holds(second, known()));
}

TEST_F(JournalTrailTest, DoesNotKnowWhatItWasNotThereFor) {
  const Seen first = known();
  change(1);
  const Seen second = see();
  JournalTrail later{scratch_.path()};
  later.look();
  EXPECT_FALSE(later.between(first.position, second.position));
  EXPECT_FALSE(later.between(second.position, second.position)) << "it may be of another life of the file";
}

TEST_F(JournalTrailTest, DoesNotKnowOtherJournalModes) {
  const Seen first = known();
  for (const char* mode : {"TRUNCATE", "PERSIST", "MEMORY", "WAL"}) {
    const Seen before = known();
    run(std::string("PRAGMA journal_mode = ") + mode);
    change(100);
    change(200);
    run("PRAGMA journal_mode = DELETE");
    trail_.look();
    EXPECT_FALSE(holds(before, known())) << mode;
  }
  EXPECT_FALSE(holds(first, known()));
  const Seen before = known();
  change(1);
  EXPECT_TRUE(holds(before, known()));
}

// Under an exclusive lock only the first transaction counts.
TEST_F(JournalTrailTest, DoesNotKnowWhatAnExclusiveApplicationWrote) {
  run("PRAGMA synchronous = OFF");
  trail_.look();
  const Seen first = known();
  change(kFreesPages, "ROLLBACK");  // by its journal it could be the first of them
  trail_.look();
  run("PRAGMA locking_mode = EXCLUSIVE");
  change(100);
  change(200);
  run("PRAGMA locking_mode = NORMAL; SELECT count(*) FROM t");   // gives the lock back
  change("UPDATE t SET b = hex(randomblob(20)) WHERE a > 300");  // the only one whose journal is left whole
  EXPECT_FALSE(holds(first, known()));
}

TEST_F(JournalTrailTest, KnowsWhatAnotherProcessRolledBack) {
  const Seen first = known();
  run("PRAGMA cache_size = 4; BEGIN; UPDATE t SET b = 'x' || b");
  trail_.look();
  writer_.kill();
  ASSERT_EQ(writer_.open(0, scratch_.path()), "");
  run("SELECT count(*) FROM t");  // plays the journal back
  change(50);
  holds(first, known());
}

TEST_F(JournalTrailTest, WakesForAJournal) {
  const auto wake = trail_.wake();
  ASSERT_TRUE(wake);
  pollfd polled{wake->get(), POLLIN, 0};
  EXPECT_EQ(::poll(&polled, 1, 0), 0);
  run("BEGIN; " + update(1));
  EXPECT_EQ(::poll(&polled, 1, 0), 1);
  trail_.look();
  EXPECT_EQ(::poll(&polled, 1, 0), 0);
  run("COMMIT");
  EXPECT_EQ(::poll(&polled, 1, 0), 1);
}

TEST_F(JournalTrailTest, ForgetsWhatNobodyAsksFor) {
  const Seen first = known();
  change(1);
  const Seen second = known();
  trail_.forget(second.position);
  EXPECT_FALSE(holds(first, second));
  change(200);
  EXPECT_TRUE(holds(second, known()));
}

TEST_F(JournalTrailTest, NeverTellsTooLittle) {
  std::mt19937 random(20261127);
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  std::vector<Seen> seen{known()};
  int told = 0;
  int unknown = 0;
  for (int step = 0; step < 800; ++step) {
    if (one_in(60)) run(one_in(2) ? "PRAGMA synchronous = OFF" : "PRAGMA synchronous = FULL");
    if (one_in(60)) run(one_in(2) ? "PRAGMA cache_size = 4" : "PRAGMA cache_size = 2000");
    if (one_in(200)) run("VACUUM");
    const auto row = static_cast<int64_t>(random() % 390);
    std::string sql = update(row);
    if (one_in(6)) sql += "; DELETE FROM t WHERE a > " + std::to_string(row);
    if (one_in(6)) sql += "; DELETE FROM t";
    if (one_in(5))
      sql += "; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
             std::to_string(row + 2) + ") INSERT OR IGNORE INTO t SELECT i, hex(randomblob(30)) FROM n";
    run("BEGIN; " + sql);
    if (!one_in(40)) trail_.look();
    run(one_in(8) ? "ROLLBACK" : "COMMIT");
    if (one_in(2)) trail_.look();
    if (!one_in(4)) continue;
    const Seen now = known();
    for (const Seen& earlier : seen) ++(holds(earlier, now) ? told : unknown);
    seen.push_back(now);
    if (seen.size() > 5) seen.erase(seen.begin());
    if (one_in(9)) trail_.forget(seen[random() % seen.size()].position);
  }
  EXPECT_GT(told, 100);
  EXPECT_GT(unknown, 20);
}

}  // namespace
}  // namespace syncnode::capture
