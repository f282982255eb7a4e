#include "sync/open_edits.h"

#include "base/hex.h"
#include "postgres/fill.h"
#include "sql/queries.h"
#include "sync/merge.h"
#include "sync/row_image.h"

namespace syncnode::sync {
namespace {

using postgres::Param;
using postgres::Rows;

Result<std::optional<json::Json>> image(const Rows& rows, int row, int column) {
  if (rows.is_null(row, column)) return std::optional<json::Json>();
  SN_ASSIGN(auto parsed, json::parse(rows.text(row, column)));
  if (!parsed.is_object()) {
    return Error{ErrorCode::kCorruption, "an entry of _sync_edits holds no image of a row", ""};
  }
  return std::optional<json::Json>(std::move(parsed));
}

}  // namespace

Result<std::vector<OpenEdit>> read_open_edits(postgres::Connection& connection, const CopyTarget& target,
                                              const CopyTable& table, ArrayParam* keys,
                                              std::string_view after, int64_t limit) {
  SN_ASSIGN(auto sql, postgres::fill(sql::edits_open, {{"schema", target.quoted_schema()},
                                                       {"table", target.quoted_table(table.target)},
                                                       {"match", match_sql(table)},
                                                       {"image", image_sql(table)},
                                                       {"present", present_sql(table)}}));
  const std::string name = wire_name(table.name);
  const std::string from = to_hex(after);
  const std::string most = std::to_string(limit);
  SN_ASSIGN(auto rows, connection.query(sql,
                                        {Param::text(name), keys ? keys->param() : Param::null(),
                                         Param::text(from), Param::text(most)},
                                        deadline_in(kStatementWait)));
  std::vector<OpenEdit> edits;
  edits.reserve(static_cast<size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) {
    OpenEdit edit;
    edit.key = from_hex(rows.text(row, 0)).value_or("");
    edit.last_edit = rows.int64(row, 1);
    SN_ASSIGN(edit.shipped, image(rows, row, 2));
    SN_ASSIGN(edit.base, image(rows, row, 3));
    SN_ASSIGN(edit.target, image(rows, row, 4));
    SN_ASSIGN(edit.now, image(rows, row, 5));
    edit.editors = rows.text(row, 6);
    edit.conflict_id = rows.text(row, 7);
    edits.push_back(std::move(edit));
  }
  return edits;
}

Result<std::vector<OpenEdit>> read_orphaned_edits(postgres::Connection& connection, const CopyTarget& target,
                                                  const CopyTable& table, std::string_view after,
                                                  int64_t limit) {
  SN_ASSIGN(auto sql, postgres::fill(sql::edits_orphaned, {{"schema", target.quoted_schema()}}));
  const std::string name = wire_name(table.name);
  const std::string from = to_hex(after);
  const std::string most = std::to_string(limit);
  SN_ASSIGN(auto rows, connection.query(sql, {Param::text(name), Param::text(from), Param::text(most)},
                                        deadline_in(kStatementWait)));
  std::vector<OpenEdit> edits;
  edits.reserve(static_cast<size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) {
    OpenEdit edit;
    edit.key = from_hex(rows.text(row, 0)).value_or("");
    edit.last_edit = rows.int64(row, 1);
    SN_ASSIGN(edit.base, image(rows, row, 2));
    edit.shipped = edit.base;
    SN_ASSIGN(edit.target, image(rows, row, 3));
    edit.editors = rows.text(row, 4);
    edit.conflict_id = rows.text(row, 5);
    edits.push_back(std::move(edit));
  }
  return edits;
}

Result<std::map<std::string, EditedRows>> read_edited_tables(postgres::Connection& connection,
                                                             const CopyTarget& target) {
  SN_ASSIGN(auto sql, postgres::fill(sql::edits_tables, {{"schema", target.quoted_schema()}}));
  SN_ASSIGN(auto rows, connection.query(sql, {}, deadline_in(kStatementWait)));
  std::map<std::string, EditedRows> tables;
  for (int row = 0; row < rows.count(); ++row) {
    tables[source_name_of(rows.text(row, 0))] = {rows.int64(row, 1), rows.int64(row, 2), rows.int64(row, 3),
                                                 rows.int64(row, 4)};
  }
  return tables;
}

std::string shipped_rows(const CopyTarget& target, const CopyTable& table, bool edited) {
  if (!edited) return target.quoted_table(table.target);
  auto sql = postgres::fill(sql::shipped_rows,
                            {{"schema", target.quoted_schema()},
                             {"table", target.quoted_table(table.target)},
                             {"columns", quoted_columns(table)},
                             {"values", values_sql(table)},
                             {"row_key", row_key_sql(table)},
                             {"name", postgres::Connection::quote_literal(wire_name(table.name))}});
  return sql ? *sql : target.quoted_table(table.target);
}

}  // namespace syncnode::sync
