#include "sync/row_digest.h"

#include <algorithm>

#include "codec/bytes.h"
#include "codec/copy_field.h"
#include "codec/row_key.h"
#include "codec/sha256.h"
#include "sync/quarantine.h"

namespace syncnode::sync {
namespace {

constexpr uint32_t kByteaOid = 17;

void append_field(std::string& out, uint32_t oid, std::string_view field) {
  codec::append_big_endian(out, oid);
  out.append(field);
}

std::string sized(std::string_view payload) {
  std::string field;
  codec::append_big_endian(field, static_cast<uint32_t>(payload.size()));
  field.append(payload);
  return field;
}

std::string key_record(const CopyTable& table, std::string_view key) {
  std::string record;
  if (table.keyed_by_column()) {
    codec::append_big_endian(record, uint32_t{1});
    append_field(record, kByteaOid, sized(key));
    return record;
  }
  auto values = codec::key_values(key);
  codec::append_big_endian(record, static_cast<uint32_t>(table.key_columns.size()));
  for (size_t i = 0; i < table.key_columns.size(); ++i) {
    auto type = table.column(table.key_columns[i])->type;
    std::string field;
    codec::append_field(field, type, (*values)[i]);
    append_field(record, element_oid(type), field);
  }
  return record;
}

std::string row_record(const CopyTable& table, const EncodedRow& row) {
  std::string record;
  auto direct = static_cast<uint32_t>(std::count_if(table.columns.begin(), table.columns.end(),
                                                    [](const CopyColumn& c) { return c.direct; }));
  codec::append_big_endian(record, direct + (table.keyed_by_column() ? 1U : 0U));
  if (table.keyed_by_column()) append_field(record, kByteaOid, sized(row.key));
  std::string_view fields = row.fields;
  for (const auto& column : table.columns) {
    if (!column.direct) continue;
    auto length = static_cast<int32_t>(codec::read_big_endian<uint32_t>(fields.data()));
    size_t size = 4 + (length < 0 ? 0 : static_cast<size_t>(length));
    append_field(record, element_oid(column.type), fields.substr(0, size));
    fields.remove_prefix(size);
  }
  return record;
}

}  // namespace

uint32_t element_oid(codec::TargetType type) {
  switch (type) {
    case codec::TargetType::kBoolean:
      return 16;
    case codec::TargetType::kBigint:
      return 20;
    case codec::TargetType::kDouble:
      return 701;
    case codec::TargetType::kNumeric:
      return 1700;
    case codec::TargetType::kText:
      return 25;
    case codec::TargetType::kJson:
      return 114;
    case codec::TargetType::kBytea:
      return 17;
  }
  return 25;
}

RowDigest digest_row(const CopyTable& table, const EncodedRow& row) {
  std::string key = codec::sha256(key_record(table, row.key));
  return {key.substr(0, 8), codec::sha256(row_record(table, row)).substr(0, 16),
          codec::read_big_endian<uint32_t>(key.data())};
}

std::string digest_quarantined(const CopyTable& table, const EncodedRow& row) {
  if (row.quarantined.empty()) return {};
  std::vector<const QuarantinedValue*> values;
  for (const auto& value : row.quarantined) values.push_back(&value);
  std::sort(values.begin(), values.end(), [&](const auto* left, const auto* right) {
    return table.columns[left->column].target < table.columns[right->column].target;
  });
  std::string bytes;
  for (const auto* value : values) {
    std::string_view left = value->bytes;
    do {
      bytes += table.columns[value->column].target;
      bytes.push_back('\0');
      bytes += to_string(value->storage_class);
      bytes.push_back('\0');
      bytes += left.substr(0, kQuarantinePiece);
      left.remove_prefix(std::min(left.size(), kQuarantinePiece));
    } while (!left.empty());
  }
  return codec::sha256(bytes);
}

}  // namespace syncnode::sync
