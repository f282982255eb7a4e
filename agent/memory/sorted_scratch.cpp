#include "memory/sorted_scratch.h"

#include <string>

namespace syncnode::memory {
namespace {

constexpr char kSetup[] = R"(
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA cache_size = -16384;
  CREATE TABLE row(position INTEGER, key BLOB, hash BLOB, misfit INTEGER, data BLOB);
  BEGIN;
)";

}  // namespace

Result<SortedScratch> SortedScratch::create() {
  SN_ASSIGN(auto database, sqlite::Database::open_own("", sqlite::Database::Mode::kReadWriteCreate, 0));
  SortedScratch scratch(std::move(database));
  SN_TRY(scratch.database_.execute(kSetup));
  SN_ASSIGN(scratch.insert_, scratch.database_.prepare("INSERT INTO row VALUES(?1, ?2, ?3, ?4, ?5)"));
  return scratch;
}

Status SortedScratch::add(const SortedRow& row) {
  std::string hash;
  codec::append_row_hash(hash, row.hash);
  insert_.bind(1, row.position);
  insert_.bind_borrowed_blob(2, row.key);
  insert_.bind_borrowed_blob(3, hash);
  insert_.bind(4, row.has_misfit ? 1 : 0);
  insert_.bind_borrowed_blob(5, row.data);
  return insert_.run();
}

Status SortedScratch::sort(std::optional<int64_t> after) {
  SN_TRY(database_.execute("COMMIT; CREATE INDEX row_order ON row(position, key)"));
  SN_ASSIGN(rows_,
            database_.prepare("SELECT position, key, hash, misfit, data FROM row WHERE position > ?1 OR ?2 "
                              "ORDER BY position, key"));
  rows_.bind(1, after.value_or(0));
  rows_.bind(2, after ? 0 : 1);
  SN_ASSIGN(point_, database_.prepare("SELECT data FROM row WHERE position = ?1 AND key = ?2"));
  return {};
}

Result<std::optional<SortedRow>> SortedScratch::next() {
  SN_ASSIGN(bool more, rows_.step());
  if (!more) return std::optional<SortedRow>();
  return std::optional(SortedRow{rows_.column_int64(0), rows_.column_bytes(1),
                                 codec::read_row_hash(rows_.column_bytes(2).data()),
                                 rows_.column_int64(3) != 0, rows_.column_bytes(4)});
}

Result<std::string_view> SortedScratch::find(int64_t position, std::string_view key) {
  point_.reset();
  point_.bind(1, position);
  point_.bind_blob(2, key);
  SN_ASSIGN(bool found, point_.step());
  if (!found) return Error{ErrorCode::kInternal, "a row left its scratch file", ""};
  return point_.column_bytes(0);
}

}  // namespace syncnode::memory
