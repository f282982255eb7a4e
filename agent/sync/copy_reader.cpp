#include "sync/copy_reader.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "codec/bytes.h"
#include "codec/copy_field.h"
#include "codec/row_key.h"
#include "postgres/fill.h"
#include "sql/queries.h"
#include "sync/merge.h"
#include "sync/open_edits.h"

namespace syncnode::sync {
namespace {

using Fields = std::vector<std::optional<std::string_view>>;

constexpr std::chrono::hours kReadWait{1};

// Cuts the stream of COPY BINARY into tuples, whatever way it arrives.
class TupleParser {
 public:
  explicit TupleParser(std::function<Status(const Fields&)> visit) : visit_(std::move(visit)) {}

  Status feed(std::string_view bytes) {
    buffer_.append(bytes);
    size_t used = 0;
    if (!started_) {
      if (buffer_.size() < 19) return {};
      used = 19 + codec::read_big_endian<uint32_t>(buffer_.data() + 15);
      if (buffer_.size() < used) return {};
      started_ = true;
    }
    while (size_t length = tuple_length(used)) {
      SN_TRY(visit_(fields_));
      used += length;
    }
    buffer_.erase(0, used);
    return {};
  }

 private:
  // 0 while the tuple at `from` is not whole, or at the trailer.
  size_t tuple_length(size_t from) {
    const char* data = buffer_.data() + from;
    size_t left = buffer_.size() - from;
    if (left < 2) return 0;
    auto count = static_cast<int16_t>(codec::read_big_endian<uint16_t>(data));
    if (count < 0) return 0;
    fields_.clear();
    size_t at = 2;
    for (int16_t i = 0; i < count; ++i) {
      if (left < at + 4) return 0;
      auto length = static_cast<int32_t>(codec::read_big_endian<uint32_t>(data + at));
      at += 4;
      if (length < 0) {
        fields_.emplace_back();
        continue;
      }
      if (left < at + static_cast<size_t>(length)) return 0;
      fields_.emplace_back(std::string_view(data + at, static_cast<size_t>(length)));
      at += static_cast<size_t>(length);
    }
    return at;
  }

  std::function<Status(const Fields&)> visit_;
  std::string buffer_;
  Fields fields_;
  bool started_ = false;
};

ValueView stored_value(std::string_view storage_class, std::string_view bytes) {
  if (storage_class == "integer" && bytes.size() == 8) {
    return ValueView::of_integer(static_cast<int64_t>(codec::read_big_endian<uint64_t>(bytes.data())));
  }
  if (storage_class == "real" && bytes.size() == 8) {
    return ValueView::of_real(std::bit_cast<double>(codec::read_big_endian<uint64_t>(bytes.data())));
  }
  return storage_class == "text" ? ValueView::of_text(bytes) : ValueView::of_blob(bytes);
}

}  // namespace

Status CopyReader::read_quarantine() {
  std::string literal = postgres::Connection::quote_literal(wire_name(table_.name));
  SN_ASSIGN(auto sql, postgres::fill(sql::verify_quarantine,
                                     {{"schema", target_.quoted_schema()}, {"table_name", literal}}));
  std::string key;
  std::string column;
  std::string storage_class;
  std::string value;
  auto settle = [&] {
    if (storage_class.empty()) return;
    auto found = std::find_if(table_.columns.begin(), table_.columns.end(),
                              [&](const CopyColumn& c) { return c.target == column; });
    uint32_t id = found == table_.columns.end() ? 0 : found->id;
    quarantined_[key] += codec::column_hash(seed_, id, stored_value(storage_class, value));
    value.clear();
  };
  TupleParser parser([&](const Fields& fields) -> Status {
    bool same = !storage_class.empty() && key == *fields[0] && column == *fields[1];
    if (!same) {
      settle();
      key = *fields[0];
      column = *fields[1];
      storage_class = *fields[2];
    }
    value.append(fields[3].value_or(std::string_view()));
    return {};
  });
  SN_TRY(connection_.copy_out(
      sql, [&](std::string_view bytes) { return parser.feed(bytes); }, deadline_in(kReadWait)));
  settle();
  return {};
}

std::string CopyReader::key_of(const Fields& fields) const {
  if (table_.keyed_by_column()) return std::string(fields[0].value_or(std::string_view()));
  std::string key;
  for (const auto& name : table_.key_columns) {
    size_t field = 0;
    for (const auto& column : table_.columns) {
      if (column.name == name) {
        auto value =
            fields[field] ? codec::decode_field(column.type, *fields[field]) : std::optional<ValueView>();
        codec::append_key_value(key, value.value_or(ValueView::null()));
        break;
      }
      if (column.direct) ++field;
    }
  }
  return key;
}

Status CopyReader::visit_row(const Fields& fields, const Visit& visit) {
  std::string key = key_of(fields);
  codec::RowHash hash;
  size_t field = table_.keyed_by_column() ? 1 : 0;
  for (const auto& column : table_.columns) {
    if (!column.direct) continue;
    const auto& bytes = fields[field++];
    if (!bytes) continue;
    auto value = codec::decode_field(column.type, *bytes);
    hash += value ? codec::column_hash(seed_, column.id, *value) : codec::bytes_hash(~seed_, *bytes);
  }
  if (auto found = quarantined_.find(key); found != quarantined_.end()) hash += found->second;
  return visit(key, hash);
}

Status CopyReader::read(const Visit& visit) {
  quarantined_.clear();
  SN_TRY(read_quarantine());
  SN_ASSIGN(auto sql, postgres::fill(sql::verify_rows, {{"columns", quoted_columns(table_)},
                                                        {"table", shipped_rows(target_, table_, edited_)}}));
  TupleParser parser([&](const Fields& fields) { return visit_row(fields, visit); });
  return connection_.copy_out(
      sql, [&](std::string_view bytes) { return parser.feed(bytes); }, deadline_in(kReadWait));
}

}  // namespace syncnode::sync
