#include "memory/gone_rows.h"

namespace syncnode::memory {
namespace {

constexpr char kSetup[] = R"(
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA cache_size = -8192;
  CREATE TABLE gone(key BLOB PRIMARY KEY, position INTEGER, quarantined INTEGER, hash BLOB, rejected INTEGER)
    WITHOUT ROWID;
  BEGIN;
)";

}  // namespace

Result<GoneRows> GoneRows::create() {
  SN_ASSIGN(auto database, sqlite::Database::open_own("", sqlite::Database::Mode::kReadWriteCreate, 0));
  SN_TRY(database.execute(kSetup));
  GoneRows rows(std::move(database));
  SN_ASSIGN(rows.insert_, rows.database_.prepare("INSERT OR REPLACE INTO gone VALUES(?1, ?2, ?3, ?4, ?5)"));
  SN_ASSIGN(rows.find_, rows.database_.prepare(
                            "SELECT key, position, quarantined, hash, rejected FROM gone WHERE key = ?1"));
  SN_ASSIGN(rows.remove_, rows.database_.prepare("DELETE FROM gone WHERE key = ?1"));
  return rows;
}

Status GoneRows::add(const KeptRecord& kept) {
  std::string hash;
  append_stored_hash(hash, kept.record.hash);
  insert_.bind_borrowed_blob(1, kept.record.key);
  insert_.bind(2, kept.record.position);
  insert_.bind(3, kept.record.quarantined ? 1 : 0);
  insert_.bind_borrowed_blob(4, hash);
  insert_.bind(5, kept.rejected ? 1 : 0);
  ++count_;
  if (kept.rejected) ++rejected_;
  return insert_.run();
}

Result<std::optional<KeptRecord>> GoneRows::take(const std::string& key) {
  if (count_ == 0) return std::optional<KeptRecord>();
  find_.bind_borrowed_blob(1, key);
  SN_ASSIGN(bool found, find_.step());
  std::optional<KeptRecord> kept;
  if (found) kept = read_kept_record(find_);
  find_.reset();
  if (!kept) return kept;
  --count_;
  if (kept->rejected) --rejected_;
  remove_.bind_borrowed_blob(1, key);
  SN_TRY(remove_.run());
  return kept;
}

Status GoneRows::for_each(const std::function<Status(const KeptRecord&)>& visit) {
  SN_ASSIGN(auto all,
            database_.prepare("SELECT key, position, quarantined, hash, rejected FROM gone ORDER BY key"));
  while (true) {
    SN_ASSIGN(bool more, all.step());
    if (!more) return {};
    SN_TRY(visit(read_kept_record(all)));
  }
}

}  // namespace syncnode::memory
