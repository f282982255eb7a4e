// diff_table() on real SQLite files: after every change the copy (here a map) is what the source holds, and
// nothing that did not change was shipped.
#include "sync/table_diff.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "sqlite/scratch.h"
#include "sync/shape_plan.h"
#include "sync/source_rows.h"

namespace syncnode::sync {
namespace {

struct Shipped {
  int64_t inserted = 0, updated = 0, gone = 0, sent = 0, uncleared = 0, reappeared = 0;
  bool operator==(const Shipped&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Shipped& s) {
  return out << s.inserted << " inserted, " << s.updated << " updated, " << s.gone << " gone, " << s.sent
             << " sent, " << s.uncleared << " uncleared, " << s.reappeared << " reappeared";
}

constexpr Shipped kNothing{};

class TableDiffTest : public ::testing::Test {
 protected:
  TableDiffTest() : directory_(scratch_.path("client")) {
    std::filesystem::create_directory(directory_);
    auto opened = memory::Memory::open(directory_, "deployment");
    EXPECT_TRUE(opened);
    memory_ = std::move(*opened);
  }

  void source(const std::string& statements) { scratch_.make(statements); }

  // Reads the source, ships what changed into `copy_`, remembers; what is shipped is as counted.
  Shipped sync(const PlanOptions& plan_options = {}, bool hold = false) {
    Shipped shipped;
    const Status done = try_sync(plan_options, hold, shipped);
    EXPECT_TRUE(done) << done.error().to_string();
    return shipped;
  }

  Status try_sync(const PlanOptions& plan_options, bool hold, Shipped& shipped) {
    SN_ASSIGN(auto snapshot, sqlite::Snapshot::open(scratch_.path()));
    SN_ASSIGN(const SourceSchema schema, snapshot->read_schema());
    const SourceTable& table = schema.tables.front();
    if (!shape_ || plan_options.encoded_keys) {
      SN_ASSIGN(auto plan, plan_table(*snapshot, table, nullptr, plan_options));
      shape_ = plan.copy;
    }
    SN_TRY(memory_->begin("sync " + std::to_string(++generation_)));
    SN_ASSIGN(auto image, memory_->image("t"));
    SN_ASSIGN(auto change, diff_table(*snapshot, table, *shape_, *memory_, image, {directory_, {}}));
    SN_TRY(apply(change, hold, shipped));
    SN_TRY(memory_->confirm());
    std::map<std::string, std::string> truth;
    SN_ASSIGN(auto rows,
              open_source_rows(*snapshot, table, *shape_, {memory_->seed(), std::nullopt, directory_}));
    EncodedRow row;
    while (true) {
      SN_ASSIGN(bool more, rows->next());
      if (!more) break;
      SN_TRY(rows->encode(row));
      EXPECT_TRUE(truth.emplace(row.key, bytes_of(row)).second);
    }
    rows.reset();
    SN_TRY(snapshot->validate());
    EXPECT_EQ(change.rows, static_cast<int64_t>(truth.size()));
    if (!hold) {
      EXPECT_TRUE(copy_ == truth) << copy_.size() << " rows in the copy, " << truth.size()
                                  << " in the source";
    }
    return {};
  }

  Status apply(TableChange& change, bool hold, Shipped& shipped) {
    shipped = {change.inserted,        change.updated,         change.gone->count(), 0,
               change.uncleared_count, change.reappeared_count};
    std::vector<memory::KeptRecord> kept;
    SN_TRY(change.gone->for_each([&](const memory::KeptRecord& gone) {
      EXPECT_TRUE(copy_.contains(gone.record.key));
      if (hold)
        kept.push_back({gone.record, true});
      else
        copy_.erase(gone.record.key);
      return Status();
    }));
    SN_TRY(change.upserts->rewind());
    RecordReader reader(*change.upserts);
    EncodedRow row;
    for (std::string_view record;; ++shipped.sent) {
      SN_ASSIGN(bool more, reader.next(record));
      if (!more) break;
      SN_TRY(deserialize(record, row));
      copy_[row.key] = bytes_of(row);
    }
    if (change.touched) {
      SN_TRY(memory_->write_table({"t", change.image}));
      SN_TRY(memory_->write_kept("t", kept));
    }
    return {};
  }

  static std::string bytes_of(const EncodedRow& row) {
    std::string bytes;
    serialize(row, bytes);
    return bytes;
  }

  // Many random edits, then a sync, over and over; an idle sync after each ships nothing.
  void churn(const std::string& insert, const std::string& update, const std::string& erase,
             int rounds = 12) {
    std::mt19937 random(20251122);
    for (int round = 0; round < rounds; ++round) {
      SCOPED_TRACE(round);
      std::string statements = "BEGIN;";
      for (size_t edits = random() % 60; edits > 0; --edits) {
        std::string statement = (random() % 3 == 0 ? insert : random() % 2 == 0 ? update : erase) + ";";
        for (size_t at = statement.find('#'); at != std::string::npos; at = statement.find('#'))
          statement.replace(at, 1, std::to_string(random() % 3000));
        statements += statement;
      }
      source(statements + "COMMIT;");
      sync();
      EXPECT_EQ(sync(), kNothing);
    }
  }

  sqlite::Scratch scratch_;
  std::string directory_;
  std::unique_ptr<memory::Memory> memory_;
  std::optional<CopyTable> shape_;
  std::map<std::string, std::string> copy_;
  int generation_ = 0;
};

std::string numbers(int count) {
  return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT " + std::to_string(count) +
         ") ";
}

// Found by the property campaign: an empty table with a text key is rebuilt with an
// INTEGER PRIMARY KEY of the same name.
TEST_F(TableDiffTest, ATableRebuiltAroundItsRowidIsLoadedAnewWhenItsKeyHeldSomethingElse) {
  source("CREATE TABLE t(k TEXT PRIMARY KEY NOT NULL, v TEXT)");
  EXPECT_EQ(sync(), kNothing);
  const CopyTable before = *shape_;
  ASSERT_EQ(before.key_kind, KeyKind::kPlain);
  ASSERT_EQ(before.column("k")->type, codec::TargetType::kText);
  source("DROP TABLE t; CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES(7, 'x')");
  auto snapshot = sqlite::Snapshot::open(scratch_.path());
  ASSERT_TRUE(snapshot);
  const auto schema = (*snapshot)->read_schema();
  ASSERT_TRUE(schema);
  const SourceTable& table = schema->tables.front();
  const auto plan = plan_table(**snapshot, table, &before, {});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->action, PlanAction::kLoad);
  EXPECT_EQ(plan->copy.column("k")->type, codec::TargetType::kBigint);
  EXPECT_FALSE(key_is_position(table, before));
  EXPECT_TRUE(key_is_position(table, plan->copy));
}

TEST_F(TableDiffTest, InsertsUpdatesAndDeletes) {
  source("CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT, c);" + numbers(2000) +
         "INSERT INTO t SELECT i * 2, 'row ' || i, i FROM n;");
  EXPECT_EQ(sync(), (Shipped{2000, 0, 0, 2000, 0, 0}));
  EXPECT_EQ(shape_->key_kind, KeyKind::kPlain);
  EXPECT_EQ(sync(), kNothing);
  source(
      "UPDATE t SET b = 'new' WHERE id IN (2, 2000, 4000); DELETE FROM t WHERE id IN (4, 1998); INSERT INTO "
      "t VALUES(3, 'x', 1), (-9, 'y', 2), (9000, 'z', 3);");
  EXPECT_EQ(sync(), (Shipped{3, 3, 2, 6, 0, 0}));
  source("DELETE FROM t;");
  EXPECT_EQ(sync(), (Shipped{0, 0, 2001, 0, 0, 0}));
  source("INSERT INTO t VALUES(1, 'again', 0);");
  EXPECT_EQ(sync(), (Shipped{1, 0, 0, 1, 0, 0}));
  churn("INSERT OR REPLACE INTO t VALUES(#, 'i#', #)", "UPDATE t SET b = 'u#' WHERE id % 50 = # % 50",
        "DELETE FROM t WHERE id % 100 = # % 100");
}

TEST_F(TableDiffTest, RewritingTheSameContentShipsNothing) {
  source("CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT);" + numbers(500) +
         "INSERT INTO t SELECT i, 'row ' || i FROM n;");
  sync();
  source(
      "UPDATE t SET b = b || 'x'; UPDATE t SET b = substr(b, 1, length(b) - 1); CREATE TABLE s AS SELECT * "
      "FROM t; DELETE FROM t; INSERT INTO t SELECT * FROM s; DROP TABLE s; VACUUM;");
  EXPECT_EQ(sync(), kNothing);
}

TEST_F(TableDiffTest, VacuumRenumbersAndNothingIsShipped) {
  source("CREATE TABLE t(id TEXT PRIMARY KEY, b TEXT);" + numbers(3000) +
         "INSERT INTO t SELECT 'key ' || i, hex(randomblob(20)) FROM n; DELETE FROM t WHERE rowid % 3 = 0;");
  EXPECT_EQ(sync().sent, 2000);
  source("VACUUM;");
  EXPECT_EQ(sync(), kNothing);
  source("UPDATE t SET b = 'new' WHERE id = 'key 5'; DELETE FROM t WHERE id = 'key 1'; VACUUM;");
  EXPECT_EQ(sync(), (Shipped{0, 1, 1, 1, 0, 0}));
  churn("INSERT OR REPLACE INTO t VALUES('key #', 'i#')", "UPDATE t SET b = 'u#' WHERE id = 'key #'",
        "DELETE FROM t WHERE id = 'key #'");
}

TEST_F(TableDiffTest, KeysMove) {
  source("CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT);" + numbers(1000) +
         "INSERT INTO t SELECT i, 'row ' || i FROM n;");
  sync();
  source("UPDATE t SET id = id + 5000 WHERE id > 990;");
  EXPECT_EQ(sync(), (Shipped{10, 0, 10, 10, 0, 0}));
  source("UPDATE t SET id = -id;");
  EXPECT_EQ(sync(), (Shipped{1000, 0, 1000, 1000, 0, 0}));
}

// A key that goes and comes back elsewhere in the file is one row to the copy, changed or not.
TEST_F(TableDiffTest, RowsMoveUnderTheirKeys) {
  source(
      "CREATE TABLE t(id TEXT PRIMARY KEY, b TEXT); INSERT INTO t VALUES('a', '1'), ('b', '2'), ('c', '3');");
  sync();
  source("UPDATE t SET rowid = rowid + 100; UPDATE t SET b = 'new' WHERE id = 'b';");
  EXPECT_EQ(sync(), (Shipped{0, 1, 0, 1, 0, 0}));
  source(
      "DELETE FROM t; INSERT INTO t(rowid, id, b) VALUES(101, 'c', '3'), (102, 'a', '1'), (103, 'b', "
      "'new');");
  EXPECT_EQ(sync(), kNothing);
  source(
      "UPDATE t SET id = CASE id WHEN 'a' THEN 'x' ELSE id END; UPDATE t SET id = CASE id WHEN 'b' THEN 'a' "
      "ELSE id END;");
  EXPECT_EQ(sync(), (Shipped{1, 1, 1, 2, 0, 0}));
}

TEST_F(TableDiffTest, WithoutRowid) {
  source("CREATE TABLE t(a TEXT, b INTEGER, c, PRIMARY KEY(a, b)) WITHOUT ROWID;" + numbers(1500) +
         "INSERT INTO t SELECT 'k' || (i % 7), i, hex(randomblob(9)) FROM n;");
  EXPECT_EQ(sync().sent, 1500);
  source(
      "VACUUM; UPDATE t SET c = 'new' WHERE b = 9; DELETE FROM t WHERE b = 10; INSERT INTO t VALUES('new', "
      "1, 2);");
  EXPECT_EQ(sync(), (Shipped{1, 1, 1, 2, 0, 0}));
  churn("INSERT OR REPLACE INTO t VALUES('k#', #, #)", "UPDATE t SET c = # WHERE b = #",
        "DELETE FROM t WHERE b % 100 = # % 100");
}

TEST_F(TableDiffTest, EqualRowsWithoutIdentityAreCounted) {
  source(
      "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'x'), (1, 'x'), (1, 'x'), (2, NULL), (2, NULL), (NULL, "
      "NULL);");
  EXPECT_EQ(sync(), (Shipped{6, 0, 0, 6, 0, 0}));
  EXPECT_EQ(shape_->key_kind, KeyKind::kMultiset);
  source("DELETE FROM t WHERE rowid = 1; VACUUM;");
  EXPECT_EQ(sync(), (Shipped{0, 0, 1, 0, 0, 0}));
  source("UPDATE t SET b = 'y' WHERE rowid = (SELECT min(rowid) FROM t WHERE a = 1);");
  EXPECT_EQ(sync(), (Shipped{1, 0, 1, 1, 0, 0}));
  source("INSERT INTO t SELECT * FROM t;");
  EXPECT_EQ(sync(), (Shipped{5, 0, 0, 5, 0, 0}));
  churn("INSERT INTO t VALUES(# % 5, 'x')", "UPDATE t SET a = # % 5 WHERE rowid % 20 = # % 20",
        "DELETE FROM t WHERE rowid % 30 = # % 30");
}

TEST_F(TableDiffTest, RecordsOfAnotherKeyFormArePairedByKey) {
  source("CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT);" + numbers(300) +
         "INSERT INTO t SELECT i, 'row ' || i FROM n;");
  sync();
  EXPECT_TRUE((*memory_->image("t"))->key_is_position);
  source("UPDATE t SET b = 'new' WHERE id = 7; DELETE FROM t WHERE id = 8;");
  EXPECT_EQ(sync({.encoded_keys = true}), (Shipped{0, 1, 1, 1, 0, 0}));
  EXPECT_EQ(shape_->key_kind, KeyKind::kEncoded);
  EXPECT_FALSE((*memory_->image("t"))->key_is_position);
  EXPECT_EQ(sync(), kNothing);
}

TEST_F(TableDiffTest, AKeyThatFitsNoPlainKeyIsNamed) {
  source("CREATE TABLE t(id TEXT PRIMARY KEY, b); INSERT INTO t VALUES('a', 1), ('b', 2);");
  sync();
  ASSERT_EQ(shape_->key_kind, KeyKind::kPlain);
  source("INSERT INTO t VALUES(x'01', 3);");
  Shipped shipped;
  const Status refused = try_sync({}, false, shipped);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(is_key_misfit(refused.error())) << refused.error().to_string();
}

TEST_F(TableDiffTest, OldQuarantineOfAChangedRowIsCleared) {
  source("CREATE TABLE t(id INTEGER PRIMARY KEY, b INTEGER);" + numbers(100) +
         "INSERT INTO t SELECT i, i FROM n; UPDATE t SET b = 'word' WHERE id = 5;");
  EXPECT_EQ(sync(), (Shipped{100, 0, 0, 100, 0, 0}));
  source("UPDATE t SET b = 'other' WHERE id = 5;");
  EXPECT_EQ(sync(), (Shipped{0, 1, 0, 1, 1, 0}));
  source("UPDATE t SET b = 6 WHERE id = 5;");
  EXPECT_EQ(sync(), (Shipped{0, 1, 0, 1, 1, 0}));
  source("UPDATE t SET b = 7 WHERE id = 5;");
  EXPECT_EQ(sync(), (Shipped{0, 1, 0, 1, 0, 0}));
}

TEST_F(TableDiffTest, HeldRowsStayGoneUntilTheyReappear) {
  source("CREATE TABLE t(id INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES(1, 'a'), (2, 'b'), (3, 'c');");
  sync();
  source("DELETE FROM t WHERE id > 1;");
  EXPECT_EQ(sync({}, true), (Shipped{0, 0, 2, 0, 0, 0}));
  EXPECT_EQ(sync({}, true), (Shipped{0, 0, 2, 0, 0, 0}));
  source("INSERT INTO t VALUES(2, 'b'), (3, 'changed');");
  EXPECT_EQ(sync(), (Shipped{0, 1, 0, 1, 0, 2}));
  EXPECT_EQ(sync(), kNothing);
}

}  // namespace
}  // namespace syncnode::sync
