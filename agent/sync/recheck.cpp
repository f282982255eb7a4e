#include "sync/recheck.h"

#include <algorithm>
#include <bit>

#include "base/hex.h"
#include "codec/bytes.h"
#include "codec/row_key.h"
#include "memory/image_cursor.h"
#include "memory/recheck_scratch.h"
#include "postgres/fill.h"
#include "sql/queries.h"
#include "sync/merge.h"
#include "sync/open_edits.h"
#include "sync/read_attempts.h"
#include "sync/row_digest.h"
#include "sync/source_rows.h"
#include "sync/sync_once.h"
#include "sync/uuid.h"

namespace syncnode::sync {
namespace {

using postgres::Param;
using postgres::Rows;

constexpr int64_t kRowsPerBucket = 32;
constexpr uint32_t kMostBuckets = 1U << 20;
constexpr std::chrono::minutes kDigestWait{30};
constexpr int64_t kKeysPerQuery = 10000;

struct TableCheck {
  const SourceTable* source = nullptr;
  CopyTable copy;  // the columns that both sides have
  std::optional<memory::RecheckScratch> scratch;
};

class Recheck {
 public:
  Recheck(SyncContext& context, memory::Memory& memory, const CopyState& state)
      : context_(context), memory_(memory), state_(state) {}

  Status run() {
    SN_ASSIGN(edited_, read_edited_tables(context_.connection, context_.target));
    SN_TRY(read_source_patiently());
    SN_TRY(memory_.begin(random_uuid()));
    for (const auto& table : state_.tables) {
      if (table.target.empty()) continue;
      if (context_.stop.stop_requested()) return Error{ErrorCode::kCancelled, "the run was stopped", ""};
      auto check = std::find_if(checks_.begin(), checks_.end(),
                                [&](const auto& c) { return c.copy.name == table.name; });
      context_.progress.table(table.name, 0, -1);
      SN_TRY(check == checks_.end() ? list_keys(table) : compare(*check));
    }
    for (const auto& known : memory_tables_) SN_TRY(forget_unless_copied(known));
    return memory_.confirm_rebuilt(state_.sync_id);
  }

 private:
  // Rows that somebody edited are compared as they were shipped: the edit stays what it is.
  std::string table_name(const CopyTable& table) const {
    return shipped_rows(context_.target, table, edited_.count(table.name) > 0);
  }

  // Each question is a transaction of its own: under settings of ours, whatever a pooler's session was left
  // with, and without workers on every processor of the server.
  Result<Rows> ask(std::string_view sql, const std::vector<Param>& params, bool binary) {
    postgres::TransactionOptions options;
    options.statement_timeout = kDigestWait;
    postgres::Connection& connection = context_.connection;
    SN_ASSIGN(auto transaction,
              postgres::Transaction::begin(connection, options, deadline_in(kStatementWait)));
    auto rows = binary ? connection.query_binary(sql, params, deadline_in(kDigestWait))
                       : connection.query(sql, params, deadline_in(kDigestWait));
    if (!rows) return rows;
    SN_TRY(transaction.commit(deadline_in(kStatementWait)));
    return rows;
  }

  void give_way() const {
    if (context_.options.gives_way_to != nullptr) context_.options.gives_way_to->give_way();
  }

  Result<Rows> count(const CopyTable& table) {
    SN_ASSIGN(auto sql, postgres::fill(sql::copy_row_count, {{"table", table_name(table)}}));
    return ask(sql, {}, false);
  }

  Status read_source_patiently() {
    SN_ASSIGN(memory_tables_, memory_.tables());
    std::vector<uint32_t> buckets;
    for (const auto& table : state_.tables) {
      int64_t rows = 0;
      if (!table.target.empty()) {
        SN_ASSIGN(auto counted, count(table));
        rows = counted.int64(0, 0);
      }
      auto wanted = static_cast<uint32_t>(std::clamp<int64_t>(rows / kRowsPerBucket, 1, kMostBuckets));
      buckets.push_back(std::bit_ceil(wanted));
    }
    ReadAttempts attempts;
    while (true) {
      checks_.clear();
      Status done = read_source(buckets);
      snapshot_.reset();
      if (done || done.error().code != ErrorCode::kAborted || !attempts.again(context_.stop)) return done;
    }
  }

  Status read_source(const std::vector<uint32_t>& buckets) {
    SN_ASSIGN(snapshot_,
              sqlite::Snapshot::open(context_.source_path, {.gives_way_to = context_.options.gives_way_to}));
    SN_ASSIGN(schema_, snapshot_->read_schema());
    for (size_t i = 0; i < state_.tables.size(); ++i) {
      const CopyTable& copy = state_.tables[i];
      auto source = std::find_if(schema_.tables.begin(), schema_.tables.end(),
                                 [&](const SourceTable& table) { return table.name == copy.name; });
      if (copy.target.empty() || source == schema_.tables.end()) continue;
      TableCheck check;
      check.source = &*source;
      check.copy = common_columns(copy, *source);
      if (!comparable(check)) continue;
      SN_ASSIGN(check.scratch, memory::RecheckScratch::create(buckets[i]));
      Status digested = digest_source(check);
      if (!digested && is_key_misfit(digested.error())) continue;  // the table will be loaded anew
      SN_TRY(std::move(digested));
      checks_.push_back(std::move(check));
    }
    return snapshot_->validate();
  }

  static CopyTable common_columns(const CopyTable& copy, const SourceTable& source) {
    CopyTable common = copy;
    std::erase_if(common.columns, [&](const CopyColumn& column) {
      return std::none_of(source.columns.begin(), source.columns.end(),
                          [&](const SourceColumn& c) { return c.name == column.name; });
    });
    return common;
  }

  // Multiset keys are made of all columns, others of the key's: when those changed, the table is loaded anew
  // anyway.
  static bool comparable(const TableCheck& check) {
    bool multiset = check.source->identity == IdentityKind::kMultiset;
    if (multiset != (check.copy.key_kind == KeyKind::kMultiset) || check.copy.columns.empty()) return false;
    return std::all_of(check.copy.key_columns.begin(), check.copy.key_columns.end(),
                       [&](const std::string& name) { return check.copy.column(name) != nullptr; });
  }

  Status digest_source(TableCheck& check) {
    SN_ASSIGN(auto rows, open_source_rows(*snapshot_, *check.source, check.copy,
                                          {memory_.seed(), std::nullopt, context_.client_directory}));
    EncodedRow row;
    while (true) {
      SN_ASSIGN(bool more, rows->next());
      if (!more) return {};
      SN_TRY(rows->encode(row));
      SN_TRY(check.scratch->add(digest_row(check.copy, row), {rows->position(), row.key, false, rows->hash()},
                                digest_quarantined(check.copy, row)));
    }
  }

  Status compare(TableCheck& check) {
    std::vector<memory::KeptRecord> only_in_copy;
    SN_TRY(compare_buckets(check, only_in_copy));
    SN_TRY(compare_quarantine(check));
    SN_ASSIGN(int64_t id, memory_.new_image_id());
    memory::Image image{id, 0, key_is_position(*check.source, check.copy)};
    memory::ImageWriter writer(memory_, image, true);
    SN_TRY(check.scratch->for_each([&](const memory::Record& record) {
      give_way();
      return writer.add(record);
    }));
    SN_TRY(writer.flush());
    image.rows = writer.rows();
    SN_TRY(memory_.write_table({check.copy.name, image}));
    return write_kept(check.copy, only_in_copy);
  }

  std::string keys_of(const CopyTable& table) const { return quoted_list(table.key_targets()); }

  Status compare_buckets(TableCheck& check, std::vector<memory::KeptRecord>& only_in_copy) {
    memory::RecheckScratch& scratch = *check.scratch;
    SN_ASSIGN(auto sql, postgres::fill(sql::digest_buckets, {{"table", table_name(check.copy)},
                                                             {"keys", keys_of(check.copy)},
                                                             {"columns", quoted_columns(check.copy)}}));
    std::string mask = std::to_string(scratch.mask());
    SN_ASSIGN(auto rows, ask(sql, {Param::text(mask)}, false));
    std::vector<bool> seen(size_t{scratch.mask()} + 1);
    ArrayParam differing = ArrayParam::of_bigint();
    for (int row = 0; row < rows.count(); ++row) {
      auto number = static_cast<uint32_t>(rows.int64(row, 0));
      seen[number] = true;
      memory::BucketDigest theirs{rows.int64(row, 1), static_cast<uint64_t>(rows.int64(row, 2)),
                                  static_cast<uint64_t>(rows.int64(row, 3))};
      if (theirs == scratch.bucket(number)) continue;
      SN_TRY(scratch.doubt(number));
      differing.add_int64(number);
    }
    for (uint32_t number = 0; number <= scratch.mask(); ++number) {
      if (!seen[number] && scratch.bucket(number).rows > 0) SN_TRY(scratch.doubt(number));
    }
    return differing.count() == 0 ? Status() : compare_rows(check, mask, differing, only_in_copy);
  }

  Status compare_rows(TableCheck& check, const std::string& mask, ArrayParam& differing,
                      std::vector<memory::KeptRecord>& only_in_copy) {
    SN_ASSIGN(auto sql, postgres::fill(sql::digest_rows, {{"table", table_name(check.copy)},
                                                          {"keys", keys_of(check.copy)},
                                                          {"columns", quoted_columns(check.copy)}}));
    SN_ASSIGN(auto rows, ask(sql, {Param::text(mask), differing.param()}, true));
    ArrayParam unknown = ArrayParam::of_bytea();
    for (int row = 0; row < rows.count(); ++row) {
      SN_ASSIGN(bool ours, check.scratch->compare(rows.text(row, 0), rows.text(row, 1)));
      if (!ours) unknown.add_bytes(rows.text(row, 0));
      if (unknown.count() == kKeysPerQuery) SN_TRY(fetch_keys(check.copy, unknown, only_in_copy));
    }
    return unknown.count() == 0 ? Status() : fetch_keys(check.copy, unknown, only_in_copy);
  }

  Status fetch_keys(const CopyTable& table, ArrayParam& digests,
                    std::vector<memory::KeptRecord>& only_in_copy) {
    SN_ASSIGN(auto sql,
              postgres::fill(sql::digest_keys, {{"table", table_name(table)}, {"keys", keys_of(table)}}));
    SN_ASSIGN(auto rows, ask(sql, {digests.param()}, true));
    digests.clear();
    for (int row = 0; row < rows.count(); ++row)
      only_in_copy.push_back({{0, key_of(table, rows, row), false, {}}, false});
    return {};
  }

  static std::string key_of(const CopyTable& table, const Rows& rows, int row) {
    if (table.keyed_by_column()) return std::string(rows.text(row, 0));
    std::string key;
    for (size_t i = 0; i < table.key_columns.size(); ++i) {
      std::string_view bytes = rows.text(row, static_cast<int>(i));
      bool integer = table.column(table.key_columns[i])->type == codec::TargetType::kBigint;
      codec::append_key_value(key, integer ? ValueView::of_integer(static_cast<int64_t>(
                                                 codec::read_big_endian<uint64_t>(bytes.data())))
                                           : ValueView::of_text(bytes));
    }
    return key;
  }

  Status compare_quarantine(TableCheck& check) {
    SN_ASSIGN(auto sql,
              postgres::fill(sql::digest_quarantine, {{"schema", context_.target.quoted_schema()}}));
    std::string name = wire_name(check.copy.name);
    SN_ASSIGN(auto rows, ask(sql, {Param::text(name)}, true));
    for (int row = 0; row < rows.count(); ++row) {
      SN_TRY(check.scratch->compare_quarantine(rows.text(row, 0), rows.text(row, 1)));
    }
    return {};
  }

  // A table that the source lacks, or that will be loaded anew: its rows are known by their keys alone.
  Status list_keys(const CopyTable& table) {
    SN_ASSIGN(auto sql,
              postgres::fill(sql::copy_keys, {{"table", table_name(table)}, {"keys", keys_of(table)}}));
    SN_ASSIGN(auto rows, ask(sql, {}, true));
    std::vector<memory::KeptRecord> keys;
    keys.reserve(static_cast<size_t>(rows.count()));
    for (int row = 0; row < rows.count(); ++row)
      keys.push_back({{0, key_of(table, rows, row), false, {}}, false});
    SN_ASSIGN(int64_t id, memory_.new_image_id());
    SN_TRY(memory_.write_table({table.name, memory::Image{id, 0, false}}));
    return write_kept(table, keys);
  }

  Status write_kept(const CopyTable& table, std::vector<memory::KeptRecord>& records) {
    SN_ASSIGN(auto sql, postgres::fill(sql::copy_kept, {{"schema", context_.target.quoted_schema()}}));
    std::string name = wire_name(table.name);
    SN_ASSIGN(auto rows, ask(sql, {Param::text(name)}, true));
    std::vector<std::string> rejected;
    rejected.reserve(static_cast<size_t>(rows.count()));
    for (int row = 0; row < rows.count(); ++row) rejected.emplace_back(rows.text(row, 0));
    std::sort(rejected.begin(), rejected.end());
    for (auto& kept : records) {
      kept.rejected = std::binary_search(rejected.begin(), rejected.end(), kept.record.key);
      kept.record.quarantined = true;  // unknown: clearing what is not there costs nothing
    }
    return memory_.write_kept(table.name, records);
  }

  Status forget_unless_copied(const std::string& table) {
    const CopyTable* copy = state_.table(table);
    return copy != nullptr && !copy->target.empty() ? Status() : memory_.write_table({table, std::nullopt});
  }

  SyncContext& context_;
  memory::Memory& memory_;
  const CopyState& state_;
  SourceSchema schema_;
  std::unique_ptr<sqlite::Snapshot> snapshot_;
  std::vector<TableCheck> checks_;
  std::vector<std::string> memory_tables_;
  std::map<std::string, EditedRows> edited_;
};

}  // namespace

Status recheck(SyncContext& context, memory::Memory& memory, const CopyState& state) {
  return Recheck(context, memory, state).run();
}

}  // namespace syncnode::sync
