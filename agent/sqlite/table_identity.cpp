#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "sqlite/schema_reader.h"

namespace syncnode::sqlite {
namespace {

struct Index {
  std::string name;
  std::string origin;  // "c" create index, "u" unique constraint, "pk"
  bool unique = false;
  bool partial = false;
};

Result<std::vector<Index>> list_indexes(Database& database, const std::string& table) {
  std::vector<Index> indexes;
  SN_ASSIGN(Statement rows,
            database.prepare("SELECT name, origin, \"unique\", partial FROM pragma_index_list(?1, 'main')"));
  rows.bind_text(1, table);
  for (;;) {
    SN_ASSIGN(const bool row, rows.step());
    if (!row) return indexes;
    indexes.push_back({std::string(rows.column_bytes(0)), std::string(rows.column_bytes(1)),
                       rows.column_int64(2) != 0, rows.column_int64(3) != 0});
  }
}

// The places of the index's columns in the table; nothing when one is an expression or may be NULL.
Result<std::optional<std::vector<size_t>>> usable_columns(Database& database, const SourceTable& table,
                                                          const std::string& index) {
  std::vector<size_t> places;
  SN_ASSIGN(
      Statement rows,
      database.prepare("SELECT cid, name FROM pragma_index_xinfo(?1, 'main') WHERE key = 1 ORDER BY seqno"));
  rows.bind_text(1, index);
  for (;;) {
    SN_ASSIGN(const bool row, rows.step());
    if (!row) return std::optional(std::move(places));
    if (rows.column_int64(0) < 0) return std::optional<std::vector<size_t>>();
    const auto found =
        std::find_if(table.columns.begin(), table.columns.end(),
                     [&rows](const SourceColumn& column) { return column.name == rows.column_bytes(1); });
    if (found == table.columns.end() || !found->not_null) return std::optional<std::vector<size_t>>();
    places.push_back(static_cast<size_t>(found - table.columns.begin()));
  }
}

std::vector<size_t> declared_key(const SourceTable& table) {
  std::vector<size_t> places;
  for (size_t place = 0; place < table.columns.size(); ++place) {
    if (table.columns[place].key_position > 0) places.push_back(place);
  }
  std::sort(places.begin(), places.end(), [&table](size_t left, size_t right) {
    return table.columns[left].key_position < table.columns[right].key_position;
  });
  return places;
}

}  // namespace

Status find_identity(Database& database, SourceTable& table) {
  SN_ASSIGN(const std::vector<Index> indexes, list_indexes(database, table.name));
  table.key_columns = declared_key(table);
  if (!table.key_columns.empty()) {
    // A declared key without an index of its own is the rowid itself: INTEGER PRIMARY KEY, but not the same
    // with DESC.
    const bool indexed =
        std::any_of(indexes.begin(), indexes.end(), [](const Index& index) { return index.origin == "pk"; });
    table.identity = indexed || table.without_rowid ? IdentityKind::kPrimaryKey : IdentityKind::kRowidAlias;
    return {};
  }
  std::optional<std::pair<std::vector<size_t>, std::string>> best;
  for (const Index& index : indexes) {
    if (!index.unique || index.partial) continue;
    SN_ASSIGN(auto places, usable_columns(database, table, index.name));
    if (!places) continue;
    const bool better =
        !best || std::tuple(places->size(), index.name) < std::tuple(best->first.size(), best->second);
    if (better) best = {std::move(*places), index.name};
  }
  table.identity = best ? IdentityKind::kUniqueIndex : IdentityKind::kMultiset;
  if (best) table.key_columns = std::move(best->first);
  return {};
}

}  // namespace syncnode::sqlite
