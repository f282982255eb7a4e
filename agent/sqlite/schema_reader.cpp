#include "sqlite/schema_reader.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <string_view>
#include <utility>

#include "sqlite/schema_memo.h"
#include "sqlite/snapshot.h"

namespace syncnode::sqlite {
namespace {

struct ListedTable {
  std::string type;  // "table", "view", "virtual", "shadow"
  bool without_rowid = false;
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return out;
}

bool starts_with_word(std::string_view text, std::string_view prefix) {
  return lower(text.substr(0, prefix.size())) == prefix;
}

Result<int64_t> read_number(Database& database, const std::string& sql) {
  SN_ASSIGN(Statement statement, database.prepare(sql));
  SN_ASSIGN(const bool row, statement.step());
  return row ? statement.column_int64(0) : 0;
}

Status read_facts(Database& database, SourceSchema& schema) {
  SN_ASSIGN(schema.page_size, read_number(database, "PRAGMA main.page_size"));
  SN_ASSIGN(schema.user_version, read_number(database, "PRAGMA main.user_version"));
  SN_ASSIGN(schema.application_id, read_number(database, "PRAGMA main.application_id"));
  SN_ASSIGN(schema.auto_vacuum, read_number(database, "PRAGMA main.auto_vacuum"));
  SN_ASSIGN(Statement encoding, database.prepare("PRAGMA main.encoding"));
  SN_ASSIGN(const bool row, encoding.step());
  if (row) schema.encoding = encoding.column_bytes(0);
  return {};
}

Status read_objects(Database& database, SourceSchema& schema) {
  SN_ASSIGN(
      Statement rows,
      database.prepare("SELECT type, name, tbl_name, sql, rootpage FROM main.sqlite_schema ORDER BY rowid"));
  for (;;) {
    SN_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    schema.objects.push_back({std::string(rows.column_bytes(0)), std::string(rows.column_bytes(1)),
                              std::string(rows.column_bytes(2)), std::string(rows.column_bytes(3)),
                              rows.column_int64(4)});
  }
}

Result<std::map<std::string, ListedTable>> list_tables(Database& database) {
  std::map<std::string, ListedTable> listed;
  SN_ASSIGN(Statement rows,
            database.prepare("SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'"));
  for (;;) {
    SN_ASSIGN(const bool row, rows.step());
    if (!row) return listed;
    listed[std::string(rows.column_bytes(0))] = {std::string(rows.column_bytes(1)),
                                                 rows.column_int64(2) != 0};
  }
}

Status read_columns(Database& database, SourceTable& table) {
  SN_ASSIGN(
      Statement rows,
      database.prepare("SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1, 'main')"));
  rows.bind_text(1, table.name);
  for (;;) {
    SN_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    SourceColumn column;
    column.name = rows.column_bytes(0);
    column.declared_type = rows.column_bytes(1);
    column.key_position = static_cast<int>(rows.column_int64(3));
    column.not_null = rows.column_int64(2) != 0 || (table.without_rowid && column.key_position > 0);
    column.generated = rows.column_int64(4) >= 2;
    table.columns.push_back(std::move(column));
  }
}

std::string module_of(std::string_view sql) {
  const std::string text = lower(sql);
  size_t start = text.rfind(" using ");
  if (start == std::string::npos) start = text.find("using");
  if (start == std::string::npos) return "unknown module";
  start = text.find_first_not_of(" \t\r\n", text.find("using", start) + 5);
  if (start == std::string::npos) return "unknown module";
  size_t end = start;
  while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_'))
    ++end;
  return text.substr(start, end - start);
}

bool is_virtual(const SourceObject& object) {
  return starts_with_word(object.sql, "create virtual table");
}

std::string unreadable_definition() {
  return std::string("SQLite ") + sqlite3_libversion() + " cannot read its definition";
}

// SQLite's parser may take the first part of a definition and stumble over the rest, so the table is there
// although its definition means something else. "" when it knows the whole of it; what it only misses
// (functions, collations, which the application may define) does not count.
Result<std::string> unknown_syntax(Database& scratch, const std::string& sql) {
  auto statement = scratch.prepare(sql);
  if (statement) return std::string();
  for (const char* sign :
       {"syntax error", "unknown table option", "unrecognized token", "incomplete input"}) {
    if (statement.error().message.find(sign) != std::string::npos) return statement.error().message;
  }
  return std::string();
}

// "" when the object is a table to copy.
std::string reason_to_skip(const SourceObject& object, const std::map<std::string, ListedTable>& listed,
                           const std::vector<std::string>& virtual_tables) {
  if (object.type == "view") return "view";
  if (starts_with_word(object.name, "sqlite_")) return "SQLite's own table";
  if (is_virtual(object)) return "virtual table (" + module_of(object.sql) + ")";
  if (starts_with_word(object.name, "_alembic_tmp_")) return "alembic rebuild in progress";
  if (const std::string owner = shadow_owner(object.name, virtual_tables); !owner.empty()) {
    return "shadow table of '" + owner + "'";
  }
  const auto found = listed.find(object.name);
  if (found == listed.end()) {
    return unreadable_definition();
  }
  return found->second.type == "shadow" ? "shadow table" : "";
}

// A definition may parse and still be of no use (a generated column that calls an unknown function).
Result<std::string> reason_unreadable(Database& database, const SourceTable& table) {
  auto statement = database.prepare("SELECT * FROM main." + quote_identifier(table.name));
  if (statement) return std::string();
  if (statement.error().code != ErrorCode::kInternal) return std::move(statement).error();
  return "cannot be read: " + statement.error().message;
}

Result<SchemaMemo::Understood> understand(Database& database, const std::vector<SourceObject>& objects) {
  SchemaMemo::Understood schema;
  SN_ASSIGN(const auto listed, list_tables(database));
  std::vector<std::string> virtual_tables;
  for (const SourceObject& object : objects) {
    if (object.type == "table" && is_virtual(object)) virtual_tables.push_back(object.name);
  }
  SN_ASSIGN(Database scratch, Database::open_own("", Database::Mode::kReadWriteCreate, 0));
  for (const SourceObject& object : objects) {
    if (object.type != "table" && object.type != "view") continue;
    std::string reason = reason_to_skip(object, listed, virtual_tables);
    if (reason.empty()) {
      SN_ASSIGN(reason, unknown_syntax(scratch, object.sql));
      if (!reason.empty()) reason.insert(0, unreadable_definition() + ": ");
    }
    SourceTable table;
    if (reason.empty()) {
      table.name = object.name;
      table.without_rowid = listed.at(object.name).without_rowid;
      SN_TRY(read_columns(database, table));
      SN_ASSIGN(reason, reason_unreadable(database, table));
    }
    if (!reason.empty()) {
      schema.skipped.push_back({object.name, std::move(reason)});
      continue;
    }
    SN_TRY(find_identity(database, table));
    schema.tables.push_back(std::move(table));
  }
  const auto by_name = [](const auto& left, const auto& right) { return left.name < right.name; };
  std::sort(schema.tables.begin(), schema.tables.end(), by_name);
  std::sort(schema.skipped.begin(), schema.skipped.end(), by_name);
  return schema;
}

}  // namespace

std::string shadow_owner(const std::string& table, const std::vector<std::string>& virtual_tables) {
  static constexpr std::array<std::string_view, 16> kSuffixes = {
      "content", "segments", "segdir", "docsize", "stat",   "data", "idx",       "config",
      "node",    "parent",   "rowid",  "rowids",  "chunks", "info", "auxiliary", "metadata"};
  static constexpr std::array<std::string_view, 3> kNumbered = {"vector_chunks", "metadatachunks",
                                                                "metadatatext"};
  for (const std::string& owner : virtual_tables) {
    if (table.size() <= owner.size() + 1 || !starts_with_word(table, lower(owner + "_"))) continue;
    const std::string rest = lower(std::string_view(table).substr(owner.size() + 1));
    if (std::find(kSuffixes.begin(), kSuffixes.end(), rest) != kSuffixes.end()) return owner;
    for (const std::string_view stem : kNumbered) {
      if (rest.size() == stem.size() + 2 && rest.starts_with(stem)) return owner;
    }
  }
  return "";
}

Result<SourceSchema> read_schema(Database& database) {
  SourceSchema schema;
  SN_TRY(read_facts(database, schema));
  SN_TRY(read_objects(database, schema));
  auto understood = SchemaMemo::shared().find(schema.objects);
  if (!understood) {
    SN_ASSIGN(understood, understand(database, schema.objects));
    SchemaMemo::shared().keep(schema.objects, *understood);
  }
  schema.tables = std::move(understood->tables);
  schema.skipped = std::move(understood->skipped);
  return schema;
}

}  // namespace syncnode::sqlite
