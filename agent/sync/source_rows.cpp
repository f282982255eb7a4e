#include "sync/source_rows.h"

#include <algorithm>
#include <array>

#include "codec/row_key.h"
#include "sqlite/source_query.h"
#include "sync/sorted_rows.h"

namespace syncnode::sync {
namespace {

bool same_name(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  });
}

class RowidRows final : public SourceRows {
 public:
  static Result<std::unique_ptr<SourceRows>> open(sqlite::Snapshot& snapshot, const SourceTable& table,
                                                  const CopyTable& copy, const SourceRowsOptions& options) {
    std::string rowid(rowid_name(table));
    auto names = column_names(copy);
    const auto part = options.ranges != nullptr   ? sqlite::RowidPart::kBetween
                      : options.after.has_value() ? sqlite::RowidPart::kAbove
                                                  : sqlite::RowidPart::kAll;
    SN_ASSIGN(auto scan, snapshot.prepare(sqlite::rowid_scan_query(rowid, names, table.name, part)));
    if (options.after) scan.bind(1, *options.after);
    SN_ASSIGN(auto point, snapshot.prepare(sqlite::rowid_point_query(rowid, names, table.name)));
    return std::unique_ptr<SourceRows>(
        new RowidRows(snapshot, table, copy, options, std::move(scan), std::move(point)));
  }

  Result<bool> next() override {
    SN_TRY(snapshot_.breathe());
    SN_ASSIGN(bool more, step());
    if (!more) return false;
    read(scan_);
    position_ = scan_.column_int64(0);
    if (!make_key()) return key_misfit(copy_);
    return true;
  }
  int64_t position() const override { return position_; }
  const std::string& key() const override { return key_; }
  codec::RowHash hash() const override { return encoder_.hash(values_); }
  bool has_misfit() const override { return encoder_.has_misfit(values_); }
  Status encode(EncodedRow& out) override {
    out.key = key_;
    encoder_.encode(values_, out);
    return {};
  }
  Status fetch(int64_t position, const std::string& key, EncodedRow& out) override {
    SN_TRY(snapshot_.breathe());
    point_.reset();
    point_.bind(1, position);
    SN_ASSIGN(bool found, point_.step());
    if (!found)
      return Error{ErrorCode::kInternal, "a row of table '" + copy_.name + "' left the snapshot", ""};
    read(point_);
    out.key = key;
    encoder_.encode(values_, out);
    return {};
  }

 private:
  RowidRows(sqlite::Snapshot& snapshot, const SourceTable& table, const CopyTable& copy,
            const SourceRowsOptions& options, sqlite::Statement scan, sqlite::Statement point)
      : snapshot_(snapshot),
        copy_(copy),
        encoder_(copy, options.seed),
        ranges_(options.ranges),
        scan_(std::move(scan)),
        point_(std::move(point)),
        alias_(key_is_position(table, copy)),
        values_(copy.columns.size()) {}

  Result<bool> step() {
    if (ranges_ == nullptr) return scan_.step();
    while (true) {
      if (in_range_) {
        SN_ASSIGN(in_range_, scan_.step());
        if (in_range_) return true;
      }
      if (next_range_ == ranges_->list().size()) return false;
      const auto& range = ranges_->list()[next_range_++];
      scan_.reset();
      scan_.bind(1, range.first);
      scan_.bind(2, range.last);
      in_range_ = true;
    }
  }
  void read(const sqlite::Statement& row) {
    for (size_t i = 0; i < values_.size(); ++i) values_[i] = row.column(static_cast<int>(i) + 1);
  }
  bool make_key() {
    if (!alias_) return encoder_.key(values_, position_, key_);
    key_.clear();
    codec::append_key_value(key_, ValueView::of_integer(position_));
    return true;
  }

  sqlite::Snapshot& snapshot_;
  const CopyTable& copy_;
  RowEncoder encoder_;
  const capture::KeyRanges* ranges_;
  size_t next_range_ = 0;
  bool in_range_ = false;
  sqlite::Statement scan_;
  sqlite::Statement point_;
  const bool alias_;
  std::vector<ValueView> values_;
  int64_t position_ = 0;
  std::string key_;
};

constexpr char kReload[] = "the table is reloaded with encoded keys";

}  // namespace

std::vector<std::string> column_names(const CopyTable& copy) {
  std::vector<std::string> names;
  for (const auto& column : copy.columns) names.push_back(column.name);
  return names;
}

Error key_misfit(const CopyTable& copy) {
  return {ErrorCode::kFailedPrecondition,
          "a key of table '" + copy.name + "' does not fit its primary key in the copy", kReload};
}

bool is_key_misfit(const Error& error) {
  return error.hint == kReload;
}

std::string_view rowid_name(const SourceTable& table) {
  for (std::string_view name : {"_rowid_", "rowid", "oid"}) {
    bool taken = std::any_of(table.columns.begin(), table.columns.end(),
                             [&](const SourceColumn& column) { return same_name(column.name, name); });
    if (!taken) return name;
  }
  return {};
}

bool reads_by_rowid(const SourceTable& table) {
  return !table.without_rowid && table.identity != IdentityKind::kMultiset && !rowid_name(table).empty();
}

bool key_is_position(const SourceTable& table, const CopyTable& copy) {
  return reads_by_rowid(table) && table.identity == IdentityKind::kRowidAlias &&
         copy.key_kind == KeyKind::kPlain && holds_rowids(copy);
}

bool holds_rowids(const CopyTable& copy) {
  const CopyColumn* key = copy.key_columns.size() == 1 ? copy.column(copy.key_columns.front()) : nullptr;
  return key != nullptr && key->type == codec::TargetType::kBigint;
}

Result<std::unique_ptr<SourceRows>> open_source_rows(sqlite::Snapshot& snapshot, const SourceTable& table,
                                                     const CopyTable& copy,
                                                     const SourceRowsOptions& options) {
  if (reads_by_rowid(table)) return RowidRows::open(snapshot, table, copy, options);
  return SortedRows::open(snapshot, table, copy, options);
}

}  // namespace syncnode::sync
