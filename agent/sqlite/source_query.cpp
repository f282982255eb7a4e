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
  return "SELECT count(*) FROM (SELECT 1 FROM " + quote_identifier(table) + " LIMIT " +
         std::to_string(limit) + ")";
}

std::string census_query(const std::vector<std::string>& columns, std::string_view table,
                         std::optional<int64_t> sample) {
  std::string sql = "SELECT count(*)";
  for (const auto& column : columns) {
    std::string name = quote_identifier(column);
    sql.append(", total(typeof(")
        .append(name)
        .append(") = 'integer' AND ")
        .append(name)
        .append(" IN (0, 1))");
    for (const char* word : {"integer", "real", "text", "blob"})
      sql.append(", total(typeof(").append(name).append(") = '").append(word).append("')");
  }
  std::string limit = sample ? " LIMIT " + std::to_string(*sample) : "";
  return sql + " FROM (SELECT * FROM " + quote_identifier(table) + limit + ")";
}

}  // namespace syncnode::sqlite
