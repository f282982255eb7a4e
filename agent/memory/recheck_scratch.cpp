#include "memory/recheck_scratch.h"

#include "codec/bytes.h"

namespace syncnode::memory {
namespace {

// state: 0 the copy has it as it is, 1 in doubt (not in the copy unless seen), 2 the copy has other content.
constexpr char kSetup[] = R"(
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA cache_size = -16384;
  CREATE TABLE row(bucket INTEGER, key_digest BLOB, row_digest BLOB, position INTEGER, key BLOB, hash BLOB,
                   quarantined BLOB, copy_quarantined BLOB, state INTEGER NOT NULL DEFAULT 0);
  BEGIN;
)";

}  // namespace

Result<RecheckScratch> RecheckScratch::create(uint32_t buckets) {
  SN_ASSIGN(auto database, sqlite::Database::open_own("", sqlite::Database::Mode::kReadWriteCreate, 0));
  RecheckScratch scratch(std::move(database), buckets);
  SN_TRY(scratch.database_.execute(kSetup));
  SN_ASSIGN(scratch.insert_,
            scratch.database_.prepare("INSERT INTO row(bucket, key_digest, row_digest, position, key, "
                                      "hash, quarantined) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  return scratch;
}

Status RecheckScratch::add(const RowDigest& digest, const Record& record, const std::string& quarantined) {
  uint32_t number = digest.bucket_bits & mask();
  BucketDigest& bucket = buckets_[number];
  ++bucket.rows;
  bucket.high ^= codec::read_big_endian<uint64_t>(digest.row.data());
  bucket.low ^= codec::read_big_endian<uint64_t>(digest.row.data() + 8);
  std::string hash;
  append_stored_hash(hash, record.hash);
  insert_.bind(1, number);
  insert_.bind_borrowed_blob(2, digest.key);
  insert_.bind_borrowed_blob(3, digest.row);
  insert_.bind(4, record.position);
  insert_.bind_borrowed_blob(5, record.key);
  insert_.bind_borrowed_blob(6, hash);
  if (quarantined.empty()) {
    insert_.bind_null(7);
  } else {
    insert_.bind_borrowed_blob(7, quarantined);
  }
  return insert_.run();
}

Status RecheckScratch::doubt(uint32_t bucket) {
  if (find_.column_count() == 0) {  // not prepared yet
    SN_TRY(database_.execute("CREATE INDEX IF NOT EXISTS row_key_digest ON row(bucket, key_digest)"));
    SN_ASSIGN(doubt_, database_.prepare("UPDATE row SET state = 1 WHERE bucket = ?1"));
    SN_ASSIGN(find_,
              database_.prepare("SELECT _rowid_, row_digest FROM row WHERE bucket = ?1 AND key_digest = ?2"));
    SN_ASSIGN(mark_, database_.prepare("UPDATE row SET state = ?1 WHERE _rowid_ = ?2"));
  }
  doubt_.bind(1, bucket);
  return doubt_.run();
}

Result<bool> RecheckScratch::compare(std::string_view key_digest, std::string_view row_digest) {
  find_.bind(1, codec::read_big_endian<uint32_t>(key_digest.data()) & mask());
  find_.bind_blob(2, key_digest);
  SN_ASSIGN(bool found, find_.step());
  if (!found) {
    find_.reset();
    return false;
  }
  int64_t rowid = find_.column_int64(0);
  bool same = find_.column_bytes(1) == row_digest;
  find_.reset();
  mark_.bind(1, same ? 0 : 2);
  mark_.bind(2, rowid);
  SN_TRY(mark_.run());
  return true;
}

Status RecheckScratch::compare_quarantine(std::string_view row_key, std::string_view digest) {
  if (mark_quarantine_.column_count() == 0) {
    SN_TRY(database_.execute("CREATE INDEX IF NOT EXISTS row_by_key ON row(key)"));
    SN_ASSIGN(mark_quarantine_,
              database_.prepare("UPDATE row SET copy_quarantined = ?1 WHERE key = ?2 RETURNING 1"));
  }
  mark_quarantine_.bind_blob(1, digest);
  mark_quarantine_.bind_blob(2, row_key);
  return mark_quarantine_.run();
}

Status RecheckScratch::for_each(const std::function<Status(const Record&)>& visit) {
  SN_ASSIGN(auto all, database_.prepare("SELECT position, key, hash, copy_quarantined IS NOT NULL, state = 2 "
                                        "OR quarantined IS NOT copy_quarantined "
                                        "FROM row WHERE state <> 1 ORDER BY position, key"));
  Record record;
  while (true) {
    SN_ASSIGN(bool more, all.step());
    if (!more) return {};
    record.position = all.column_int64(0);
    record.key = all.column_bytes(1);
    record.quarantined = all.column_int64(3) != 0;
    record.hash = read_stored_hash(all.column_bytes(2));
    if (all.column_int64(4) != 0) record.hash = record.hash.other();
    SN_TRY(visit(record));
  }
}

}  // namespace syncnode::memory
