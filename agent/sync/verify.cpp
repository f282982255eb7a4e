#include "sync/verify.h"

#include <fmt/format.h>

#include <map>
#include <unordered_set>

#include "base/hex.h"
#include "codec/row_key.h"
#include "memory/image_cursor.h"
#include "sync/copy_reader.h"
#include "sync/open_edits.h"
#include "sync/row_image.h"

namespace syncnode::sync {
namespace {

constexpr size_t kBuckets = 4096;
// What a report names: so many rows of a table, so many bytes over all tables (a key is bounded by itself:
// codec::kLongestKey). Counts are never cut.
constexpr size_t kNamed = 100;
constexpr size_t kNamesBytes = 256 << 10;
constexpr int64_t kEditsPerPage = 1000;

// Sums per bucket of keys: equal sums need no look at the rows.
struct Digest {
  std::vector<codec::RowHash> buckets = std::vector<codec::RowHash>(kBuckets);
  codec::RowHash total;
  int64_t rows = 0;

  void add(size_t bucket, const codec::RowHash& entry) {
    buckets[bucket] += entry;
    total += entry;
    ++rows;
  }
};

std::string describe_key(const CopyTable& table, const std::string& key) {
  auto values = table.key_kind == KeyKind::kMultiset ? std::nullopt : codec::key_values(key);
  if (!values || values->size() != table.key_columns.size()) return "row key \\x" + to_hex(key);
  std::string text;
  for (size_t i = 0; i < values->size(); ++i) {
    const ValueView& value = (*values)[i];
    std::string shown;
    switch (value.storage_class) {
      case StorageClass::kNull:
        shown = "NULL";
        break;
      case StorageClass::kInteger:
        shown = std::to_string(value.integer);
        break;
      case StorageClass::kReal:
        shown = fmt::format("{}", value.real);
        break;
      case StorageClass::kText:
        shown = "'" + std::string(value.bytes) + "'";
        break;
      case StorageClass::kBlob:
        shown = "x'" + to_hex(value.bytes) + "'";
        break;
    }
    text += (i == 0 ? "" : ", ") + table.key_columns[i] + "=" + shown;
  }
  return text;
}

// Both sides as the memory has them.
using Visit = std::function<Status(const std::string& key, memory::StoredHash hash)>;

class TableVerification {
 public:
  TableVerification(postgres::Connection& connection, const CopyTarget& target, memory::Memory& memory,
                    const CopyTable& table, const EditedRows& edited, size_t& room)
      : connection_(connection),
        target_(target),
        memory_(memory),
        table_(table),
        edited_(edited),
        room_(room) {}

  Result<TableVerdict> run() {
    TableVerdict verdict;
    verdict.name = table_.name;
    SN_TRY(memory_.for_each_kept(table_.name, [&](const memory::KeptRecord& kept) -> Status {
      kept_.insert(kept.record.key);
      ++(kept.rejected ? verdict.kept : verdict.held);
      return {};
    }));
    SN_TRY(read_source([&](const std::string& key, memory::StoredHash hash) {
      source_.add(bucket(key), codec::entry_hash(memory_.seed(), key, hash.row_hash()));
      return Status();
    }));
    SN_TRY(read_copy([&](const std::string& key, memory::StoredHash hash) {
      copy_.add(bucket(key), codec::entry_hash(memory_.seed(), key, hash.row_hash()));
      return Status();
    }));
    verdict.source_rows = source_.rows;
    verdict.copy_rows = copy_.rows;
    verdict.source_hash = codec::to_hex(source_.total);
    verdict.copy_hash = codec::to_hex(copy_.total);
    verdict.quarantined = quarantined_;
    verdict.edited = edited_.rows;
    verdict.target_kept = edited_.target_kept;
    verdict.merged = edited_.merged;
    verdict.waiting = edited_.waiting;
    if (source_.buckets != copy_.buckets) SN_TRY(name_differences(verdict));
    if (edited_.rows > 0) SN_TRY(check_edited(verdict));
    return verdict;
  }

 private:
  size_t bucket(const std::string& key) const {
    return codec::bytes_hash(memory_.seed(), key).high % kBuckets;
  }

  Status read_source(const Visit& visit) {
    quarantined_ = 0;
    SN_ASSIGN(auto image, memory_.image(table_.name));
    if (!image) return {};
    SN_ASSIGN(auto cursor, memory::ImageCursor::open(memory_, *image));
    while (const memory::Record* record = cursor.current()) {
      if (record->quarantined) ++quarantined_;
      SN_TRY(visit(record->key, record->hash));
      SN_TRY(cursor.next());
    }
    return {};
  }

  // Rows that wait for a person, or were kept by one, are not the source's to judge.
  Status read_copy(const Visit& visit) {
    CopyReader reader(connection_, target_, table_, memory_.seed(), edited_.rows > 0);
    return reader.read([&](const std::string& key, const codec::RowHash& hash) {
      return kept_.count(key) > 0 ? Status() : visit(key, hash);
    });
  }

  void name(TableVerdict& verdict, const std::string& key, std::string_view what) {
    ++verdict.differing_total;
    if (verdict.differing.size() >= kNamed) return;
    std::string row = fmt::format("{} {}: {}", table_.name, describe_key(table_, key), what);
    if (row.size() > room_) return;
    room_ -= row.size();
    verdict.differing.push_back(std::move(row));
  }

  // Of rows that differ on purpose the source was compared with what was shipped; that the copy still holds
  // what was recorded of them is to be seen as well.
  Status check_edited(TableVerdict& verdict) {
    std::string after;
    while (true) {
      SN_ASSIGN(const auto page,
                read_open_edits(connection_, target_, table_, nullptr, after, kEditsPerPage));
      if (page.empty()) return {};
      for (const OpenEdit& edit : page) {
        if (!same_row(edit.now, edit.target)) name(verdict, edit.key, "is not what was recorded of it");
      }
      after = page.back().key;
    }
  }

  Status name_differences(TableVerdict& verdict) {
    std::map<std::string, memory::StoredHash> expected;
    auto differs = [&](const std::string& key) {
      return source_.buckets[bucket(key)] != copy_.buckets[bucket(key)];
    };
    SN_TRY(read_source([&](const std::string& key, memory::StoredHash hash) {
      if (differs(key)) expected.emplace(key, hash);
      return Status();
    }));
    SN_TRY(read_copy([&](const std::string& key, memory::StoredHash hash) {
      if (!differs(key)) return Status();
      auto found = expected.find(key);
      if (found == expected.end()) {
        name(verdict, key, "only in the copy");
      } else {
        if (found->second != hash) name(verdict, key, "differs");
        expected.erase(found);
      }
      return Status();
    }));
    for (const auto& [key, hash] : expected) name(verdict, key, "missing in the copy");
    return {};
  }

  postgres::Connection& connection_;
  const CopyTarget& target_;
  memory::Memory& memory_;
  const CopyTable& table_;
  const EditedRows edited_;
  size_t& room_;  // for names, in bytes
  std::unordered_set<std::string> kept_;
  Digest source_;
  Digest copy_;
  int64_t quarantined_ = 0;
};

}  // namespace

Result<std::vector<TableVerdict>> verify_tables(postgres::Connection& connection, const CopyTarget& target,
                                                memory::Memory& memory, int64_t generation,
                                                Progress& progress) {
  postgres::TransactionOptions options;
  options.repeatable_read = true;
  options.statement_timeout = std::chrono::hours(1);
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, options, deadline_in(kStatementWait)));
  SN_ASSIGN(auto state, read_copy_state(connection, target));
  if (state.generation != generation) {
    return Error{ErrorCode::kAborted,
                 fmt::format("the copy moved from generation {} to {}", generation, state.generation),
                 "another node synced meanwhile; verify again"};
  }
  SN_ASSIGN(auto edited, read_edited_tables(connection, target));
  std::vector<TableVerdict> verdicts;
  size_t room = kNamesBytes;
  for (const auto& table : state.tables) {
    if (table.state != "present" || table.target.empty()) continue;
    progress.table(table.name, 0, -1);
    TableVerification verification(connection, target, memory, table, edited[table.name], room);
    SN_ASSIGN(auto verdict, verification.run());
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

}  // namespace syncnode::sync
