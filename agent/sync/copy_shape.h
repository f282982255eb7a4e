// CopyShape: how the tables of one client look in PostgreSQL, as `_sync_tables` records it. The copy is the
// authority: it is read at the start of every run. Plain values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/target_type.h"
#include "json/json.h"
#include "model/source_schema.h"

namespace syncnode::sync {

enum class KeyKind { kPlain, kEncoded, kMultiset };

std::string_view to_string(KeyKind kind);

inline constexpr char kKeyColumn[] = "_sync_key";

struct CopyColumn {
  uint32_t id = 0;  // stable: part of every row hash
  std::string name;
  std::string declared;
  std::string target;
  codec::TargetType type = codec::TargetType::kText;
  bool direct = true;  // false: beyond the widest row, its values live in quarantine only

  bool operator==(const CopyColumn&) const = default;
};

struct CopyTable {
  std::string name;    // in the source
  std::string target;  // in the copy
  KeyKind key_kind = KeyKind::kPlain;
  std::vector<std::string> key_columns;  // source names
  std::vector<CopyColumn> columns;       // present in the source, in the order of their ids
  std::string state = "present";         // present, vanished, skipped
  std::string reason;
  uint32_t next_column_id = 1;
  int64_t quarantined = 0;  // rows with values in quarantine

  bool keyed_by_column() const { return key_kind != KeyKind::kPlain; }
  const CopyColumn* column(std::string_view source_name) const;
  std::vector<std::string> key_targets() const;  // primary key of the copy, in order

  bool operator==(const CopyTable&) const = default;
};

// Source names as text for PostgreSQL and JSON: themselves, or "\x" + hex where they are not text.
std::string wire_name(std::string_view source_name);
std::string source_name_of(std::string_view wire_name);

std::string columns_json(const CopyTable& table);
Status parse_columns_json(std::string_view json, CopyTable& table);
Status parse_columns(const json::Json& list, CopyTable& table);

// A whole CopyTable, for the memory of a load under way.
std::string shape_json(const CopyTable& table);
Result<CopyTable> parse_shape_json(std::string_view text);
std::string key_columns_json(const CopyTable& table);
Result<KeyKind> parse_key_kind(std::string_view word);

}  // namespace syncnode::sync
