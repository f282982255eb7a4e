// SourceSchema: what a snapshot of the client's file says about its tables, read once per snapshot.
// Refuses to judge values: types here are only what was declared. Plain value, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace syncnode {

struct SourceColumn {
  std::string name;
  std::string declared_type;  // "" when untyped
  bool not_null = false;
  bool generated = false;  // virtual or stored; copied like any other value
  int key_position = 0;    // 1-based place in the declared primary key, 0 outside it
};

enum class IdentityKind {
  kRowidAlias,   // INTEGER PRIMARY KEY: the key is the rowid
  kPrimaryKey,   // declared primary key (may hold NULLs or any class in a rowid table)
  kUniqueIndex,  // full UNIQUE index without expressions, all columns NOT NULL
  kMultiset      // no identity: row hash + ordinal
};

struct SourceTable {
  std::string name;
  std::vector<SourceColumn> columns;  // as `SELECT *` gives them, generated ones included
  bool without_rowid = false;
  IdentityKind identity = IdentityKind::kMultiset;
  std::vector<size_t> key_columns;  // indexes into `columns`, in key order; empty for kMultiset
};

struct SkippedTable {
  std::string name;
  std::string reason;  // "virtual table (fts5)", "shadow table of 'docs'", "alembic rebuild in progress", …
};

// One row of sqlite_master, so that an exact file can be rebuilt later.
struct SourceObject {
  std::string type, name, table_name, sql;
  int64_t root_page = 0;  // of its b-tree; 0 where it has none
};

struct SourceSchema {
  std::vector<SourceTable> tables;    // ordered by name (bytes)
  std::vector<SkippedTable> skipped;  // listed, never silent
  std::vector<SourceObject> objects;  // all of sqlite_master in its own order
  int64_t page_size = 0;
  int64_t user_version = 0;
  int64_t application_id = 0;
  int64_t auto_vacuum = 0;
  std::string encoding;  // "UTF-8", "UTF-16le", "UTF-16be"
};

}  // namespace syncnode
