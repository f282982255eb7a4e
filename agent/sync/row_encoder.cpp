#include "sync/row_encoder.h"

#include <bit>
#include <cstring>

#include "codec/bytes.h"
#include "codec/copy_field.h"
#include "codec/row_key.h"

namespace syncnode::sync {
namespace {

constexpr std::string_view kBeyond = "beyond the widest row";

void append_sized(std::string& out, std::string_view bytes) {
  uint64_t length = bytes.size();
  out.append(reinterpret_cast<const char*>(&length), sizeof length);
  out.append(bytes);
}

bool take_sized(std::string_view& in, std::string_view& bytes) {
  uint64_t length = 0;
  if (in.size() < sizeof length) return false;
  std::memcpy(&length, in.data(), sizeof length);
  in.remove_prefix(sizeof length);
  if (in.size() < length) return false;
  bytes = in.substr(0, length);
  in.remove_prefix(length);
  return true;
}

// The reasons are string literals of ours; a spooled row carries their text.
std::string_view misfit_of(const CopyColumn& column, const ValueView& value) {
  if (value.is_null()) return {};
  return column.direct ? codec::misfit(column.type, value) : kBeyond;
}

}  // namespace

std::string stored_bytes(const ValueView& value) {
  std::string bytes;
  switch (value.storage_class) {
    case StorageClass::kNull:
      break;
    case StorageClass::kInteger:
      codec::append_big_endian(bytes, static_cast<uint64_t>(value.integer));
      break;
    case StorageClass::kReal:
      codec::append_big_endian(bytes, std::bit_cast<uint64_t>(value.real));
      break;
    case StorageClass::kText:
    case StorageClass::kBlob:
      bytes = value.bytes;
      break;
  }
  return bytes;
}

RowEncoder::RowEncoder(const CopyTable& table, uint64_t seed) : table_(table), seed_(seed) {
  for (const auto& name : table.key_columns) {
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (table.columns[i].name != name) continue;
      key_columns_.push_back(i);
      key_types_.push_back(table.columns[i].type);
    }
  }
}

bool RowEncoder::key(RowValues row, int64_t rowid, std::string& key) const {
  key.clear();
  bool has_null = false;
  for (size_t i = 0; i < key_columns_.size(); ++i) {
    const ValueView& value = row[key_columns_[i]];
    has_null = has_null || value.is_null();
    if (table_.key_kind == KeyKind::kPlain &&
        (value.is_null() || !codec::misfit(key_types_[i], value).empty())) {
      return false;
    }
    codec::append_key_value(key, value);
  }
  if (has_null) codec::append_key_rowid(key, rowid);
  if (table_.key_kind == KeyKind::kPlain) return key.size() <= codec::kLongestKey;
  codec::bound_key(key);
  return true;
}

std::string RowEncoder::digest(RowValues row) const {
  std::string content;
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    codec::append_content_value(content, table_.columns[i].id, row[i]);
  }
  return codec::content_digest(content);
}

codec::RowHash RowEncoder::hash(RowValues row) const {
  codec::RowHash sum;
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    sum += codec::column_hash(seed_, table_.columns[i].id, row[i]);
  }
  return sum;
}

bool RowEncoder::has_misfit(RowValues row) const {
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    if (!misfit_of(table_.columns[i], row[i]).empty()) return true;
  }
  return false;
}

void RowEncoder::encode(RowValues row, EncodedRow& out) const {
  out.fields.clear();
  out.quarantined.clear();
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    const CopyColumn& column = table_.columns[i];
    const ValueView& value = row[i];
    std::string_view reason =
        column.direct ? codec::append_field(out.fields, column.type, value) : misfit_of(column, value);
    if (!reason.empty()) out.quarantined.push_back({i, value.storage_class, stored_bytes(value), reason});
  }
}

void serialize(const EncodedRow& row, std::string& out) {
  out.clear();
  append_sized(out, row.key);
  append_sized(out, row.fields);
  for (const auto& value : row.quarantined) {
    out.push_back(static_cast<char>(value.storage_class));
    auto column = static_cast<uint32_t>(value.column);
    out.append(reinterpret_cast<const char*>(&column), sizeof column);
    append_sized(out, value.reason);
    append_sized(out, value.bytes);
  }
}

Status deserialize(std::string_view record, EncodedRow& row) {
  Error torn{ErrorCode::kInternal, "a row of the spool is torn", ""};
  std::string_view key;
  std::string_view fields;
  if (!take_sized(record, key) || !take_sized(record, fields)) return torn;
  row.key = key;
  row.fields = fields;
  row.quarantined.clear();
  while (!record.empty()) {
    QuarantinedValue value;
    uint32_t column = 0;
    std::string_view bytes;
    if (record.size() < 1 + sizeof column) return torn;
    value.storage_class = static_cast<StorageClass>(record.front());
    std::memcpy(&column, record.data() + 1, sizeof column);
    record.remove_prefix(1 + sizeof column);
    if (!take_sized(record, value.reason) || !take_sized(record, bytes)) return torn;
    value.column = column;
    value.bytes = bytes;
    row.quarantined.push_back(std::move(value));
  }
  return {};
}

}  // namespace syncnode::sync
