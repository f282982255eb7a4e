// The reader of rollback journals beside a real application: what it says of a transaction contains every
// page that the transaction changed, whatever the page size, the synchronous setting and the cache, and pages
// that were free and are written without having been kept. Of a journal that is not whole it says nothing.
#include "sqlite/journal_pages.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "sqlite/scratch.h"
#include "sqlite/source_file.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

constexpr int64_t kMost = int64_t{64} << 20;

struct Setting {
  int page_size;
  const char* synchronous;
  int cache;
  const char* vacuum;
};

class JournalPagesTest : public ::testing::TestWithParam<Setting> {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    const Setting& with = GetParam();
    run("PRAGMA page_size = " + std::to_string(with.page_size) + "; PRAGMA auto_vacuum = " + with.vacuum +
        "; PRAGMA journal_mode = DELETE; PRAGMA synchronous = " + with.synchronous +
        "; PRAGMA cache_size = " + std::to_string(with.cache) +
        "; CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB); CREATE TABLE u(a INTEGER PRIMARY KEY, b BLOB); "
        "CREATE INDEX i ON t(b)");
    run(rows("t", 1, 200));
  }

  void run(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }
  static std::string rows(const std::string& table, int64_t first, int64_t last) {
    return "WITH RECURSIVE n(i) AS (SELECT " + std::to_string(first) +
           " UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(last) + ") INSERT OR REPLACE INTO " +
           table + " SELECT i, randomblob(abs(random()) % 900) FROM n; ";
  }

  static uint32_t word(const std::string& bytes, size_t at) {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }

  // One transaction; nothing where it left no journal, or none that is whole.
  std::optional<sqlite::JournalPages> transaction(const std::string& statements, const std::string& end) {
    const std::string before = scratch_.bytes();
    run("BEGIN; " + statements);
    auto journal = sqlite::open_for_reading(scratch_.path() + "-journal");
    EXPECT_TRUE(journal && journal->valid());
    run(end);
    const std::string after = scratch_.bytes();
    EXPECT_FALSE(std::filesystem::exists(scratch_.path() + "-journal"));
    auto told = sqlite::read_journal(journal->get(), kMost);
    if (!told) return told;
    EXPECT_EQ(told->page_size, static_cast<uint32_t>(GetParam().page_size));
    EXPECT_EQ(told->counter, word(before, 24));
    EXPECT_EQ(word(after, 24), told->counter + (end == "COMMIT" ? 1 : 0));
    const std::set<uint32_t> listed(told->pages.begin(), told->pages.end());
    const size_t size = told->page_size;
    for (size_t at = 0; at < after.size(); at += size) {
      const auto page = static_cast<uint32_t>(at / size + 1);
      const bool same = at < before.size() && before.compare(at, size, after, at, size) == 0;
      EXPECT_TRUE(same || page > told->page_count || listed.contains(page)) << "page " << page;
    }
    return told;
  }

  sqlite::Scratch scratch_;
  Writer writer_;
};

TEST_P(JournalPagesTest, NamesEveryPageThatChanged) {
  std::mt19937 random(20261127);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  int told = 0;
  for (int i = 0; i < 60; ++i) {
    std::string sql;
    for (unsigned statements = 1 + below(3); statements > 0; --statements) {
      const std::string table = below(2) == 0 ? "t" : "u";
      const auto first = static_cast<int64_t>(below(300));
      switch (below(7)) {
        case 0:
          sql += "DELETE FROM " + table + "; ";  // its pages become free, and are not written
          break;
        case 1:
          sql += "DELETE FROM " + table + " WHERE a % 3 = " + std::to_string(below(3)) + "; ";
          break;
        case 2:
          sql += "SAVEPOINT s; " + rows(table, first, first + 50) + "ROLLBACK TO s; RELEASE s; ";
          break;
        case 3:
          sql += "UPDATE " + table + " SET b = randomblob(length(b)); ";
          break;
        default:
          sql += rows(table, first, first + static_cast<int64_t>(below(120)));
      }
    }
    told += transaction("UPDATE t SET a = a WHERE 0; INSERT INTO u VALUES (-" + std::to_string(i + 1) +
                            ", 'x'); " + sql,
                        below(5) == 0 ? "ROLLBACK" : "COMMIT")
                ? 1
                : 0;
  }
  EXPECT_GT(told, 40);
}

TEST_P(JournalPagesTest, SaysNothingOfAJournalThatIsNotWhole) {
  run("BEGIN; " + rows("u", 1, 90) + "UPDATE t SET b = randomblob(length(b))");
  auto file = sqlite::open_for_reading(scratch_.path() + "-journal");
  ASSERT_TRUE(file && file->valid());
  EXPECT_TRUE(std::string(GetParam().synchronous) == "OFF" || !sqlite::read_journal(file->get(), kMost))
      << "it is under way";
  run("COMMIT");
  std::string whole(static_cast<size_t>(sqlite::facts_of(file->get())->size), '\0');
  ASSERT_EQ(sqlite::read_fully(file->get(), whole.data(), whole.size(), 0),
            static_cast<ssize_t>(whole.size()));
  ASSERT_TRUE(sqlite::read_journal(whole));
  EXPECT_FALSE(sqlite::read_journal(file->get(), static_cast<int64_t>(whole.size()) - 1));
  EXPECT_FALSE(sqlite::read_journal(std::string_view()));
  EXPECT_FALSE(sqlite::read_journal(whole + "x"));
  EXPECT_FALSE(sqlite::read_journal(whole + std::string(600, '\0')));
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    const size_t cut = 1 + random() % (whole.size() - 1);
    // Where the header says "the rest of the file" every record could be the last one, and where the cache
    // ran over so could that of every segment.
    const bool is_told = sqlite::read_journal(std::string_view(whole).substr(0, cut)).has_value();
    EXPECT_TRUE(!is_told || std::string(GetParam().synchronous) == "OFF" || GetParam().cache == 5)
        << cut << " of " << whole.size();
    std::string spoilt = whole;
    for (uint64_t bytes = 1 + random() % 4; bytes > 0; --bytes)
      spoilt[random() % (i % 2 == 0 ? std::min<size_t>(spoilt.size(), 1200) : spoilt.size())] =
          static_cast<char>(random());
    sqlite::read_journal(spoilt);  // whatever it says, it comes back
  }
}

std::string name_of(const ::testing::TestParamInfo<Setting>& info) {
  return std::to_string(info.param.page_size) + info.param.synchronous + std::to_string(info.param.cache) +
         info.param.vacuum;
}

INSTANTIATE_TEST_SUITE_P(
    Settings, JournalPagesTest,
    ::testing::Values(Setting{512, "FULL", 2000, "NONE"}, Setting{512, "NORMAL", 5, "FULL"},
                      Setting{1024, "OFF", 5, "NONE"}, Setting{4096, "FULL", 5, "NONE"},
                      Setting{4096, "NORMAL", 2000, "INCREMENTAL"}, Setting{4096, "OFF", 2000, "FULL"},
                      Setting{16384, "FULL", 2000, "NONE"}, Setting{65536, "NORMAL", 5, "NONE"},
                      Setting{65536, "OFF", 2000, "NONE"}),
    name_of);

// Another database takes part: its name stands behind the records.
TEST(JournalOfTwoFiles, IsNobodys) {
  const sqlite::Scratch scratch;
  Writer writer;
  ASSERT_EQ(writer.open(0, scratch.path()), "");
  const auto run = [&](const std::string& sql) { ASSERT_EQ(writer.execute(0, sql), "") << sql; };
  run("CREATE TABLE t(a); ATTACH '" + scratch.path("other.db") + "' AS other; CREATE TABLE other.u(a)");
  for (const char* mode : {"NORMAL", "FULL"}) {
    run(std::string("PRAGMA synchronous = ") + mode + "; PRAGMA other.synchronous = " + mode);
    run("BEGIN; INSERT INTO t VALUES (1); INSERT INTO u VALUES (1)");
    const auto journal = sqlite::open_for_reading(scratch.path() + "-journal");
    ASSERT_TRUE(journal && journal->valid());
    run("COMMIT");
    EXPECT_FALSE(sqlite::read_journal(journal->get(), kMost)) << mode;
  }
}

// The journal stays, emptied or without its beginning.
TEST(JournalThatStays, SaysNothing) {
  for (const char* mode : {"TRUNCATE", "PERSIST"}) {
    const sqlite::Scratch scratch;
    Writer writer;
    ASSERT_EQ(writer.open(0, scratch.path()), "");
    const auto run = [&](const std::string& sql) { ASSERT_EQ(writer.execute(0, sql), "") << sql; };
    run(std::string("PRAGMA journal_mode = ") + mode +
        "; CREATE TABLE t(a); BEGIN; INSERT INTO t VALUES (1)");
    const auto journal = sqlite::open_for_reading(scratch.path() + "-journal");
    ASSERT_TRUE(journal && journal->valid());
    run("COMMIT");
    EXPECT_FALSE(sqlite::read_journal(journal->get(), kMost)) << mode;
  }
}

}  // namespace
}  // namespace syncnode::capture
