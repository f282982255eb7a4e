#include "sqlite/schema_reader.h"

#include <algorithm>

#include "scratch.h"
#include "sqlite/snapshot.h"

namespace syncnode::sqlite {
namespace {

class SchemaReader : public ::testing::Test {
 protected:
  void read(const std::string& statements) {
    scratch_.make(statements);
    auto snapshot = Snapshot::open(scratch_.path());
    ASSERT_TRUE(snapshot) << snapshot.error().to_string();
    auto schema = (*snapshot)->read_schema();
    ASSERT_TRUE(schema) << schema.error().to_string();
    schema_ = std::move(*schema);
    ASSERT_TRUE((*snapshot)->validate());
  }
  const SourceTable& table(const std::string& name) {
    const auto found = std::find_if(schema_.tables.begin(), schema_.tables.end(),
                                    [&name](const SourceTable& one) { return one.name == name; });
    if (found != schema_.tables.end()) return *found;
    ADD_FAILURE() << "no table '" << name << "'";
    static const SourceTable none;
    return none;
  }
  // "kind: column, column"
  std::string identity(const std::string& name) {
    static constexpr const char* kKinds[] = {"rowid", "primary", "unique", "multiset"};
    const SourceTable& found = table(name);
    std::string text = kKinds[static_cast<int>(found.identity)];
    for (const size_t place : found.key_columns) text += " " + found.columns[place].name;
    return text;
  }
  std::string skipped(const std::string& name) {
    for (const SkippedTable& one : schema_.skipped) {
      if (one.name == name) return one.reason;
    }
    return "not skipped";
  }

  Scratch scratch_;
  SourceSchema schema_;
};

// What was understood once is remembered, by the text of the whole schema.
TEST_F(SchemaReader, UnderstandsAChangedSchemaAnew) {
  read("CREATE TABLE t(a TEXT NOT NULL, b)");
  EXPECT_EQ(identity("t"), "multiset");
  for (int again = 0; again < 2; ++again) {
    read(again == 0 ? "CREATE UNIQUE INDEX i ON t(a)" : "CREATE TABLE u(c)");
    EXPECT_EQ(identity("t"), "unique a");
  }
  read("ALTER TABLE t ADD COLUMN d");
  EXPECT_EQ(table("t").columns.size(), 3U);
  EXPECT_EQ(table("u").columns.size(), 1U);
  read("DROP INDEX i");
  EXPECT_EQ(identity("t"), "multiset");
}

TEST_F(SchemaReader, FindsTheIdentityOfEachTable) {
  read(R"(
    CREATE TABLE alias(id INTEGER PRIMARY KEY, b);
    CREATE TABLE alias_late(b, id INTEGER, PRIMARY KEY(id));
    CREATE TABLE no_alias_desc(id INTEGER PRIMARY KEY DESC, b);
    CREATE TABLE no_alias_int(id INT PRIMARY KEY, b);
    CREATE TABLE composite(a, b, c, PRIMARY KEY(c, a));
    CREATE TABLE without(a TEXT, b TEXT, PRIMARY KEY(b, a)) WITHOUT ROWID;
    CREATE TABLE without_integer(a INTEGER PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE chat(id VARCHAR NOT NULL, b NOT NULL, c);
    CREATE UNIQUE INDEX chat_wide ON chat(id, b);
    CREATE UNIQUE INDEX chat_z ON chat(b);
    CREATE UNIQUE INDEX chat_id ON chat(id);
    CREATE TABLE constrained(a NOT NULL UNIQUE, b);
    CREATE TABLE nullable(a UNIQUE, b);
    CREATE TABLE partial(a NOT NULL, b);
    CREATE UNIQUE INDEX partial_a ON partial(a) WHERE b IS NOT NULL;
    CREATE TABLE expression(a NOT NULL, b);
    CREATE UNIQUE INDEX expression_a ON expression(lower(a));
    CREATE TABLE plain(a NOT NULL);
    CREATE INDEX plain_a ON plain(a);
  )");
  EXPECT_EQ(identity("alias"), "rowid id");
  EXPECT_EQ(identity("alias_late"), "rowid id");
  EXPECT_EQ(identity("no_alias_desc"), "primary id");
  EXPECT_EQ(identity("no_alias_int"), "primary id");
  EXPECT_EQ(identity("composite"), "primary c a");
  EXPECT_EQ(identity("without"), "primary b a");
  EXPECT_TRUE(table("without").without_rowid);
  EXPECT_TRUE(table("without").columns[0].not_null);
  EXPECT_EQ(identity("without_integer"), "primary a");
  EXPECT_EQ(identity("chat"), "unique id");
  EXPECT_EQ(identity("constrained"), "unique a");
  EXPECT_EQ(identity("nullable"), "multiset");
  EXPECT_EQ(identity("partial"), "multiset");
  EXPECT_EQ(identity("expression"), "multiset");
  EXPECT_EQ(identity("plain"), "multiset");
}

TEST_F(SchemaReader, TakesEveryName) {
  const std::string longest(300, 'n');
  read(
      "CREATE TABLE \"\"(a); CREATE TABLE \"qu\"\"ote'[x]\"(\"\", \"a\"\"b\" PRIMARY KEY, `select`); "
      "CREATE TABLE \"größe 🙂\"(ä); CREATE TABLE \"" +
      longest + "\"(a); CREATE TABLE \"user\"(\"group\" TEXT)");
  ASSERT_EQ(schema_.tables.size(), 5u);
  EXPECT_EQ(schema_.tables[0].name, "");
  const SourceTable& quoted = table("qu\"ote'[x]");
  ASSERT_EQ(quoted.columns.size(), 3u);
  EXPECT_EQ(quoted.columns[0].name, "");
  EXPECT_EQ(quoted.columns[1].name, "a\"b");
  EXPECT_EQ(identity("qu\"ote'[x]"), "primary a\"b");
  EXPECT_EQ(table("größe 🙂").columns[0].name, "ä");
  EXPECT_EQ(table(longest).columns.size(), 1u);
}

TEST_F(SchemaReader, ListsWhatItSkips) {
  read(R"(
    CREATE TABLE kept(id INTEGER PRIMARY KEY AUTOINCREMENT, a, g AS (a + 1), s AS (a + 2) STORED);
    CREATE VIEW seen AS SELECT * FROM kept;
    CREATE VIRTUAL TABLE docs USING fts5(body);
    CREATE VIRTUAL TABLE places USING rtree(id, x0, x1);
    CREATE TABLE _alembic_tmp_kept(a);
    CREATE TABLE docs_of_mine(a);
    CREATE TRIGGER fired AFTER INSERT ON kept BEGIN SELECT 1; END;
    PRAGMA writable_schema=ON;
    INSERT INTO sqlite_schema VALUES('table', 'vectors', 'vectors', 0, 'CREATE VIRTUAL TABLE vectors USING vec0(e float[4])');
    CREATE TABLE vectors_chunks(a); CREATE TABLE vectors_vector_chunks00(a); CREATE TABLE vectors_notes(a);
    CREATE TABLE strange(a);
    UPDATE sqlite_schema SET sql = 'CREATE TABLE strange(a) WITH NEW SYNTAX' WHERE name = 'strange';
    CREATE TABLE own_words(a, b);
    UPDATE sqlite_schema SET sql = 'CREATE TABLE own_words(a COLLATE house CHECK(house_rule(a)), b)' WHERE name = 'own_words';
    CREATE TABLE unknown_function(a, b);
    UPDATE sqlite_schema SET sql = 'CREATE TABLE unknown_function(a, b AS (no_such_function(a)))' WHERE name = 'unknown_function';
  )");
  std::vector<std::string> names;
  for (const SourceTable& one : schema_.tables) names.push_back(one.name);
  EXPECT_EQ(names, (std::vector<std::string>{"docs_of_mine", "kept", "own_words", "vectors_notes"}));
  EXPECT_EQ(skipped("seen"), "view");
  EXPECT_EQ(skipped("docs"), "virtual table (fts5)");
  EXPECT_EQ(skipped("docs_data"), "shadow table of 'docs'");
  EXPECT_EQ(skipped("places_node"), "shadow table of 'places'");
  EXPECT_EQ(skipped("vectors"), "virtual table (vec0)");
  EXPECT_EQ(skipped("vectors_chunks"), "shadow table of 'vectors'");
  EXPECT_EQ(skipped("vectors_vector_chunks00"), "shadow table of 'vectors'");
  EXPECT_EQ(skipped("_alembic_tmp_kept"), "alembic rebuild in progress");
  EXPECT_EQ(skipped("sqlite_sequence"), "SQLite's own table");
  EXPECT_NE(skipped("strange").find("cannot read its definition"), std::string::npos);
  EXPECT_NE(skipped("unknown_function").find("no_such_function"), std::string::npos);

  const SourceTable& kept = table("kept");
  ASSERT_EQ(kept.columns.size(), 4u);
  EXPECT_FALSE(kept.columns[1].generated);
  EXPECT_TRUE(kept.columns[2].generated);
  EXPECT_TRUE(kept.columns[3].generated);
}

TEST_F(SchemaReader, KeepsTheFactsToRebuildTheFile) {
  read(
      "PRAGMA page_size=8192; PRAGMA encoding='UTF-16le'; PRAGMA auto_vacuum=2; PRAGMA user_version=7; "
      "PRAGMA application_id=9; CREATE TABLE t(a); CREATE INDEX i ON t(a); CREATE VIEW v AS SELECT 1");
  EXPECT_EQ(schema_.page_size, 8192);
  EXPECT_EQ(schema_.encoding, "UTF-16le");
  EXPECT_EQ(schema_.auto_vacuum, 2);
  EXPECT_EQ(schema_.user_version, 7);
  EXPECT_EQ(schema_.application_id, 9);
  ASSERT_EQ(schema_.objects.size(), 3u);
  EXPECT_EQ(schema_.objects[1].type, "index");
  EXPECT_EQ(schema_.objects[1].table_name, "t");
  EXPECT_EQ(schema_.objects[1].sql, "CREATE INDEX i ON t(a)");
}

}  // namespace
}  // namespace syncnode::sqlite
