#include "sync/merge.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/bytes.h"
#include "codec/target_type.h"
#include "postgres/fill.h"
#include "sql/queries.h"
#include "sync/row_digest.h"

namespace syncnode::sync {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;
// The first is small, and each next one larger: the server is at it while the rest is made ready.
constexpr size_t kFirstBatchBytes = size_t{128} << 10;

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::vector<std::string> shipped_columns(const CopyTable& table) {
  std::vector<std::string> names;
  if (table.keyed_by_column()) names.emplace_back(kKeyColumn);
  for (const auto& column : table.columns) {
    if (column.direct) names.push_back(column.target);
  }
  return names;
}

// JSON is sent as text: the server reads it only where it is not what is stored.
codec::TargetType sent_type(const CopyColumn& column) {
  return column.type == codec::TargetType::kJson ? codec::TargetType::kText : column.type;
}

bool has_json(const CopyTable& table) {
  return std::any_of(table.columns.begin(), table.columns.end(), [](const CopyColumn& column) {
    return column.direct && column.type == codec::TargetType::kJson;
  });
}

std::string arrays(const CopyTable& table) {
  std::vector<std::string> casts;
  auto add = [&](codec::TargetType type) {
    casts.push_back("$" + std::to_string(casts.size() + 1) + "::" + std::string(codec::sql_name(type)) +
                    "[]");
  };
  if (table.keyed_by_column()) add(codec::TargetType::kBytea);
  for (const auto& column : table.columns) {
    if (column.direct) add(sent_type(column));
  }
  return join(casts);
}

std::string values(const CopyTable& table) {
  std::vector<std::string> values;
  if (table.keyed_by_column()) values.push_back("sent." + postgres::Connection::quote_identifier(kKeyColumn));
  for (const auto& column : table.columns) {
    if (!column.direct) continue;
    const std::string name = postgres::Connection::quote_identifier(column.target);
    values.push_back(column.type == codec::TargetType::kJson
                         ? fmt::format("CASE WHEN stored.{0}::text = sent.{0} THEN stored.{0} "
                                       "ELSE sent.{0}::json END",
                                       name)
                         : "sent." + name);
  }
  return join(values);
}

std::string match(const CopyTable& table) {
  std::string text;
  for (const auto& key : table.key_targets())
    text += fmt::format("{0}present.{1} = sent.{1}", text.empty() ? "" : " AND ",
                        postgres::Connection::quote_identifier(key));
  return text;
}

Result<std::string> merge_sql(const CopyTarget& target, const CopyTable& table) {
  const std::string name = target.quoted_table(table.target);
  const std::string columns = quoted_columns(table);
  const std::string types = arrays(table);
  const std::string key = quoted_list(table.key_targets());
  const std::string action = upsert_action(table);
  if (!has_json(table)) {
    return postgres::fill(
        sql::merge_rows,
        {{"table", name}, {"columns", columns}, {"arrays", types}, {"key", key}, {"action", action}});
  }
  return postgres::fill(sql::merge_rows_keeping_json, {{"table", name},
                                                       {"columns", columns},
                                                       {"sent_values", values(table)},
                                                       {"arrays", types},
                                                       {"stored_match", match(table)},
                                                       {"key", key},
                                                       {"action", action}});
}

}  // namespace

std::string upsert_action(const CopyTable& table) {
  auto keys = table.key_targets();
  std::vector<std::string> assignments;
  for (const auto& name : shipped_columns(table)) {
    if (std::find(keys.begin(), keys.end(), name) != keys.end()) continue;
    std::string quoted = postgres::Connection::quote_identifier(name);
    assignments.push_back(fmt::format("{0} = excluded.{0}", quoted));
  }
  return assignments.empty() ? "DO NOTHING" : "DO UPDATE SET " + join(assignments);
}

std::string quoted_list(std::vector<std::string> names) {
  for (auto& name : names) name = postgres::Connection::quote_identifier(name);
  return join(names);
}

std::string quoted_columns(const CopyTable& table) {
  return quoted_list(shipped_columns(table));
}

Result<Merge> Merge::create(postgres::Pipeline& pipeline, const CopyTarget& target, const CopyTable& table,
                            int batch_rows) {
  SN_ASSIGN(auto sql, merge_sql(target, table));
  SN_ASSIGN(auto quarantine, QuarantineWriter::create(pipeline, target, wire_name(table.name)));
  return Merge(pipeline, table, std::move(sql), std::move(quarantine), batch_rows);
}

Merge::Merge(postgres::Pipeline& pipeline, const CopyTable& table, std::string sql,
             QuarantineWriter quarantine, int batch_rows)
    : pipeline_(pipeline),
      table_(table),
      sql_(std::move(sql)),
      quarantine_(std::move(quarantine)),
      batch_rows_(batch_rows),
      full_(kFirstBatchBytes) {
  if (table.keyed_by_column()) columns_.push_back(ArrayParam::of_bytea());
  for (const auto& column : table.columns) {
    if (!column.direct) continue;
    const auto type = sent_type(column);
    columns_.emplace_back(element_oid(type), codec::array_oid(type));
  }
}

Status Merge::ship(Spool& rows, const std::function<void(int64_t)>& progress) {
  SN_TRY(rows.rewind());
  RecordReader reader(rows);
  std::string_view record;
  EncodedRow row;
  int64_t shipped = 0;
  while (true) {
    SN_ASSIGN(bool more, reader.next(record));
    if (!more) break;
    SN_TRY(deserialize(record, row));
    add(row);
    for (const auto& value : row.quarantined)
      SN_TRY(quarantine_.add(row.key, table_.columns[value.column].target, value));
    ++shipped;
    if (columns_.front().count() >= batch_rows_ || bytes_ >= full_) {
      SN_TRY(flush());
      progress(shipped);
    }
  }
  SN_TRY(flush());
  SN_TRY(quarantine_.flush());
  progress(shipped);
  return {};
}

void Merge::add(const EncodedRow& row) {
  size_t next = 0;
  if (table_.keyed_by_column()) columns_[next++].add_bytes(row.key);
  std::string_view fields = row.fields;
  while (next < columns_.size()) {
    auto length = static_cast<int32_t>(codec::read_big_endian<uint32_t>(fields.data()));
    size_t size = 4 + (length < 0 ? 0 : static_cast<size_t>(length));
    columns_[next++].add_field(fields.substr(0, size));
    fields.remove_prefix(size);
  }
  bytes_ += row.fields.size() + row.key.size();
}

Status Merge::flush() {
  if (columns_.front().count() == 0) return {};
  std::vector<postgres::Param> params;
  for (auto& column : columns_) params.push_back(column.param());
  SN_TRY(pipeline_.add(sql_, params, kStatementWait));
  for (auto& column : columns_) column.clear();
  bytes_ = 0;
  full_ = std::min(2 * full_, kBatchBytes);
  return {};
}

}  // namespace syncnode::sync
