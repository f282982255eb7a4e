#include "sync/shape_plan.h"

#include <algorithm>
#include <optional>

#include "codec/target_name.h"
#include "sqlite/source_query.h"
#include "sync/source_rows.h"

namespace syncnode::sync {
namespace {

constexpr int64_t kSampleRows = 1000;
constexpr size_t kColumnsPerQuery = 100;

struct Census {
  int64_t rows = 0;
  std::vector<codec::ColumnCensus> columns;  // as SourceTable::columns
};

Result<Census> take_census(sqlite::Snapshot& snapshot, const SourceTable& table, const PlanOptions& options) {
  Census census;
  sqlite::CensusPart part{kSampleRows, options.last_rowid, std::string(rowid_name(table))};
  if (options.retype) part.rows.reset();
  for (size_t first = 0; first < table.columns.size(); first += kColumnsPerQuery) {
    size_t last = std::min(first + kColumnsPerQuery, table.columns.size());
    std::vector<std::string> names;
    for (size_t i = first; i < last; ++i) names.push_back(table.columns[i].name);
    SN_ASSIGN(auto statement, snapshot.prepare(sqlite::census_query(names, table.name, part)));
    SN_ASSIGN(bool found, statement.step());
    if (!found) return Error{ErrorCode::kInternal, "a count gave no row", ""};
    census.rows = statement.column_int64(0);
    for (size_t i = 0; i < names.size(); ++i) {
      auto at = [&](int kind) {
        return static_cast<int64_t>(
            statement.column(1 + static_cast<int>(i) * sqlite::kCensusCounts + kind).real);
      };
      census.columns.push_back({at(0), at(1), at(2), at(3), at(4)});
    }
  }
  return census;
}

CopyColumn plan_column(const SourceColumn& source, const codec::ColumnCensus& census, CopyTable& copy) {
  auto direct =
      std::count_if(copy.columns.begin(), copy.columns.end(), [](const auto& c) { return c.direct; });
  CopyColumn column;
  column.id = copy.next_column_id++;
  column.name = source.name;
  column.declared = source.declared_type;
  column.target = codec::target_column_name(source.name);
  column.type = codec::choose_type(source.declared_type, census);
  column.direct = source.key_position > 0 || static_cast<size_t>(direct) < kWidestRow;
  return column;
}

std::vector<std::string> key_names(const SourceTable& table) {
  std::vector<std::string> names;
  for (size_t index : table.key_columns) names.push_back(table.columns[index].name);
  return names;
}

KeyKind plan_key(const SourceTable& table, const CopyTable& copy, const Census& census) {
  if (table.identity == IdentityKind::kMultiset) return KeyKind::kMultiset;
  for (size_t index : table.key_columns) {
    const CopyColumn* column = copy.column(table.columns[index].name);
    const auto& counts = census.columns[index];
    bool type_fits = column->type == codec::TargetType::kBigint || column->type == codec::TargetType::kText;
    bool values_fit = counts.total() == census.rows && codec::fitting(column->type, counts) == census.rows;
    if (!type_fits || !values_fit || !column->direct) return KeyKind::kEncoded;
  }
  return KeyKind::kPlain;
}

Result<ShapePlan> plan_new(sqlite::Snapshot& snapshot, const SourceTable& table, uint32_t next_column_id,
                           const PlanOptions& options) {
  SN_ASSIGN(auto census, take_census(snapshot, table, options));
  ShapePlan plan;
  plan.action = PlanAction::kLoad;
  plan.copy.name = table.name;
  plan.copy.target = codec::target_table_name(table.name);
  plan.copy.next_column_id = next_column_id;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    plan.copy.columns.push_back(plan_column(table.columns[i], census.columns[i], plan.copy));
  }
  plan.copy.key_columns = key_names(table);
  plan.copy.key_kind = plan_key(table, plan.copy, census);
  if (options.encoded_keys && plan.copy.key_kind == KeyKind::kPlain) plan.copy.key_kind = KeyKind::kEncoded;
  return plan;
}

// Would all types be chosen as they are? Asked when much is in quarantine.
bool same_types(const CopyTable& left, const CopyTable& right) {
  return std::all_of(left.columns.begin(), left.columns.end(), [&](const CopyColumn& column) {
    const CopyColumn* other = right.column(column.name);
    return other != nullptr && other->type == column.type;
  });
}

bool key_still_fits(const SourceTable& table, const CopyTable& existing) {
  bool multiset = table.identity == IdentityKind::kMultiset;
  if (multiset != (existing.key_kind == KeyKind::kMultiset) || key_names(table) != existing.key_columns)
    return false;
  // A table that was rebuilt around a rowid: the key's type was chosen for what another column of that name
  // held.
  return table.identity != IdentityKind::kRowidAlias || existing.key_kind != KeyKind::kPlain ||
         holds_rowids(existing);
}

Result<ShapePlan> plan_existing(sqlite::Snapshot& snapshot, const SourceTable& table,
                                const CopyTable& existing) {
  ShapePlan plan;
  plan.copy = existing;
  plan.copy.state = "present";
  plan.copy.reason.clear();
  plan.copy.columns.clear();
  for (const auto& column : existing.columns) {
    auto source = std::find_if(table.columns.begin(), table.columns.end(),
                               [&](const SourceColumn& c) { return c.name == column.name; });
    if (source != table.columns.end()) {
      plan.copy.columns.push_back(column);
      plan.copy.columns.back().declared = source->declared_type;
    } else if (column.direct) {
      plan.operations.push_back({{"op", "drop_column"}, {"table", existing.target}, {"name", column.target}});
    }
  }
  bool grew = plan.copy.columns.size() < table.columns.size();
  if (!grew) return plan;
  SN_ASSIGN(auto census, take_census(snapshot, table, {}));
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (plan.copy.column(table.columns[i].name) != nullptr) continue;
    CopyColumn column = plan_column(table.columns[i], census.columns[i], plan.copy);
    if (column.direct) {
      plan.operations.push_back({{"op", "add_column"},
                                 {"table", existing.target},
                                 {"name", column.target},
                                 {"type", codec::sql_name(column.type)}});
    }
    plan.copy.columns.push_back(std::move(column));
  }
  return plan;
}

}  // namespace

Result<ShapePlan> plan_table(sqlite::Snapshot& snapshot, const SourceTable& table, const CopyTable* existing,
                             const PlanOptions& options) {
  uint32_t next_id = existing != nullptr ? existing->next_column_id : 1;
  bool encode = options.encoded_keys && existing != nullptr && existing->key_kind == KeyKind::kPlain;
  if (existing == nullptr || existing->target.empty() || !key_still_fits(table, *existing) || encode) {
    return plan_new(snapshot, table, next_id, options);
  }
  if (options.retype) {
    SN_ASSIGN(auto better, plan_new(snapshot, table, next_id, options));
    if (!same_types(*existing, better.copy)) return better;
  }
  return plan_existing(snapshot, table, *existing);
}

bool same_row_shape(const CopyTable& one, const CopyTable& other) {
  return one.key_kind == other.key_kind && one.key_columns == other.key_columns &&
         std::all_of(one.columns.begin(), one.columns.end(), [&](const CopyColumn& column) {
           const CopyColumn* same = other.column(column.name);
           return same == nullptr || (same->type == column.type && same->direct == column.direct);
         });
}

json::Json create_load_operation(const CopyTable& table, const std::string& load_table) {
  auto columns = json::Json::array();
  if (table.keyed_by_column()) columns.push_back({{"name", kKeyColumn}, {"type", "bytea"}});
  for (const auto& column : table.columns) {
    if (column.direct) columns.push_back({{"name", column.target}, {"type", codec::sql_name(column.type)}});
  }
  return {{"op", "create_load"}, {"table", load_table}, {"columns", columns}};
}

json::Json primary_key_operation(const CopyTable& table, const std::string& load_table) {
  return {{"op", "primary_key"}, {"table", load_table}, {"columns", table.key_targets()}};
}

json::Json publish_operation(const CopyTable& table, const std::string& load_table) {
  return {{"op", "publish"}, {"from", load_table}, {"to", table.target}};
}

json::Json named_operation(std::string_view operation, std::string_view table) {
  return {{"op", operation}, {"table", table}};
}

}  // namespace syncnode::sync
