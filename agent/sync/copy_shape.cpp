#include "sync/copy_shape.h"

#include <algorithm>

#include "base/hex.h"
#include "base/utf8.h"
#include "json/json.h"

namespace syncnode::sync {

std::string_view to_string(KeyKind kind) {
  switch (kind) {
    case KeyKind::kPlain:
      return "plain";
    case KeyKind::kEncoded:
      return "encoded";
    case KeyKind::kMultiset:
      return "multiset";
  }
  return "plain";
}

const CopyColumn* CopyTable::column(std::string_view source_name) const {
  auto found =
      std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == source_name; });
  return found == columns.end() ? nullptr : &*found;
}

std::vector<std::string> CopyTable::key_targets() const {
  if (keyed_by_column()) return {kKeyColumn};
  std::vector<std::string> targets;
  for (const auto& key : key_columns) targets.push_back(column(key)->target);
  return targets;
}

std::string wire_name(std::string_view name) {
  if (is_postgres_text(name) && name.substr(0, 2) != "\\x") return std::string(name);
  return "\\x" + to_hex(name);
}

std::string source_name_of(std::string_view wire) {
  if (wire.substr(0, 2) != "\\x") return std::string(wire);
  return from_hex(wire.substr(2)).value_or(std::string(wire));
}

std::string columns_json(const CopyTable& table) {
  auto list = json::Json::array();
  for (const auto& column : table.columns) {
    list.push_back({{"id", column.id},
                    {"name", wire_name(column.name)},
                    {"declared", wire_name(column.declared)},
                    {"target", column.target},
                    {"type", codec::sql_name(column.type)},
                    {"direct", column.direct}});
  }
  return json::to_text(list);
}

Status parse_columns_json(std::string_view text, CopyTable& table) {
  SN_ASSIGN(const auto list, json::parse(text));
  return parse_columns(list, table);
}

Status parse_columns(const json::Json& list, CopyTable& table) {
  Error wrong{ErrorCode::kCorruption,
              "'_sync_tables.columns' of '" + table.name + "' is not what sync-node wrote",
              "restore the row, or reload the table with --full after removing it"};
  if (!list.is_array()) return wrong;
  for (const auto& item : list) {
    auto id = json::integer_member(item, "id");
    auto name = json::string_member(item, "name");
    auto declared = json::string_member(item, "declared");
    auto target = json::string_member(item, "target");
    auto type = codec::target_type_of(json::string_member(item, "type").value_or(""));
    if (!id || *id < 0 || *id > UINT32_MAX || !name || !declared || !target || !type) return wrong;
    auto direct = item.find("direct");
    if (direct == item.end() || !direct->is_boolean()) return wrong;
    table.columns.push_back({static_cast<uint32_t>(*id), source_name_of(*name), source_name_of(*declared),
                             *target, *type, direct->get<bool>()});
  }
  return {};
}

Result<KeyKind> parse_key_kind(std::string_view word) {
  for (KeyKind kind : {KeyKind::kPlain, KeyKind::kEncoded, KeyKind::kMultiset}) {
    if (to_string(kind) == word) return kind;
  }
  if (word.empty()) return KeyKind::kPlain;  // skipped tables have none
  return Error{ErrorCode::kCorruption, "'_sync_tables' knows a key kind '" + std::string(word) + "'",
               "a newer sync-node wrote this copy; upgrade this one"};
}

std::string key_columns_json(const CopyTable& table) {
  auto list = json::Json::array();
  for (const auto& name : table.key_columns) list.push_back(wire_name(name));
  return json::to_text(list);
}

std::string shape_json(const CopyTable& table) {
  json::Json shape{{"name", wire_name(table.name)},         {"target", table.target},
                   {"key_kind", to_string(table.key_kind)}, {"key_columns", key_columns_json(table)},
                   {"columns", columns_json(table)},        {"next_column_id", table.next_column_id}};
  return json::to_text(shape);
}

Result<CopyTable> parse_shape_json(std::string_view text) {
  SN_ASSIGN(auto shape, json::parse(text));
  CopyTable table;
  auto name = json::string_member(shape, "name");
  auto target = json::string_member(shape, "target");
  auto kind = json::string_member(shape, "key_kind");
  auto keys = json::string_member(shape, "key_columns");
  auto columns = json::string_member(shape, "columns");
  auto next = json::integer_member(shape, "next_column_id");
  Error wrong{ErrorCode::kCorruption, "the local memory describes a load in words of its own", ""};
  if (!name || !target || !kind || !keys || !columns || !next || *next < 0 || *next > UINT32_MAX)
    return wrong;
  table.name = source_name_of(*name);
  table.target = *target;
  SN_ASSIGN(table.key_kind, parse_key_kind(*kind));
  SN_ASSIGN(auto key_list, json::parse(*keys));
  if (!key_list.is_array()) return wrong;
  for (const auto& key : key_list) {
    if (!key.is_string()) return wrong;
    table.key_columns.push_back(source_name_of(key.get<std::string>()));
  }
  SN_TRY(parse_columns_json(*columns, table));
  table.next_column_id = static_cast<uint32_t>(*next);
  return table;
}

}  // namespace syncnode::sync
