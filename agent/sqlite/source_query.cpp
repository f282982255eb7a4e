#include "sqlite/source_query.h"

#include "sqlite/snapshot.h"

namespace syncnode::sqlite {
namespace {

std::string column_list(const std::vector<std::string>& columns) {
  std::string list;
  for (const auto& column : columns) list += (list.empty() ? "" : ", ") + quote_identifier(column);
  return list;
}

std::string rowid_select(std::string_view rowid, const std::vector<std::string>& columns,
                         std::string_view table) {
  std::string list = column_list(columns);
  return "SELECT " + std::string(rowid) + (list.empty() ? "" : ", ") + list + " FROM " +
         quote_identifier(table);
}

}  // namespace

std::string select_query(const std::vector<std::string>& columns, std::string_view table) {
  return "SELECT " + column_list(columns) + " FROM " + quote_identifier(table);
}

std::string rowid_scan_query(std::string_view rowid, const std::vector<std::string>& columns,
                             std::string_view table, RowidPart part) {
  const std::string name(rowid);
  std::string where;
  if (part == RowidPart::kAbove) where = " WHERE " + name + " > ?1";
  if (part == RowidPart::kBetween) where = " WHERE " + name + " BETWEEN ?1 AND ?2";
  return rowid_select(rowid, columns, table) + where + " ORDER BY " + name;
}

std::string rowid_point_query(std::string_view rowid, const std::vector<std::string>& columns,
                              std::string_view table) {
  return rowid_select(rowid, columns, table) + " WHERE " + std::string(rowid) + " = ?1";
}

std::string count_query(std::string_view table, int64_t limit) {
  return "SELECT count(*) FROM (SELECT 1 FROM " + quote_identifier(table) + " NOT INDEXED LIMIT " +
         std::to_string(limit) + ")";
}

// typeof() alone reads no value, be it ever so long.
std::string census_query(const std::vector<std::string>& columns, std::string_view table,
                         const CensusPart& part) {
  std::string counts = "SELECT count(*)", kinds;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string name = quote_identifier(columns[i]), kind = "k" + std::to_string(i);
    kinds.append(kinds.empty() ? "" : ", ").append("typeof(").append(name).append(") AS ").append(kind);
    kinds.append(", CASE WHEN typeof(").append(name).append(") = 'integer' THEN ").append(name);
    kinds.append(" IN (0, 1) END AS b").append(std::to_string(i));
    counts.append(", total(b").append(std::to_string(i)).append(")");
    for (const char* word : {"integer", "real", "text", "blob"})
      counts.append(", total(").append(kind).append(" = '").append(word).append("')");
  }
  std::string rows = quote_identifier(table) + " NOT INDEXED";
  if (part.last) rows += " WHERE " + part.rowid + " <= " + std::to_string(*part.last);
  if (part.rows) rows += " LIMIT " + std::to_string(*part.rows);
  return counts + " FROM (SELECT " + kinds + " FROM " + rows + ")";
}

}  // namespace syncnode::sqlite
