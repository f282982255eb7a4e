#include "sync/sorted_rows.h"

#include "codec/row_key.h"

namespace syncnode::sync {
namespace {

constexpr char kScratch[] = R"(
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA cache_size = -16384;
  CREATE TABLE row(position INTEGER, key BLOB, hash BLOB, misfit INTEGER, data BLOB);
)";

}  // namespace

Result<std::unique_ptr<SourceRows>> SortedRows::open(sqlite::Snapshot& snapshot, const SourceTable& table,
                                                     const CopyTable& copy,
                                                     const SourceRowsOptions& options) {
  SN_ASSIGN(auto scratch, sqlite::Database::open_own("", sqlite::Database::Mode::kReadWriteCreate, 0));
  std::unique_ptr<SortedRows> rows(new SortedRows(copy, options.seed, std::move(scratch)));
  SN_TRY(rows->scratch_.execute(kScratch));
  SN_TRY(rows->fill(snapshot, table));
  SN_TRY(rows->start(options.after));
  return std::unique_ptr<SourceRows>(std::move(rows));
}

int64_t SortedRows::position_of(std::string_view key) const {
  return static_cast<int64_t>(codec::bytes_hash(seed_, key).low);
}

Status SortedRows::fill(sqlite::Snapshot& snapshot, const SourceTable& table) {
  std::string sql = "SELECT ";
  for (size_t i = 0; i < copy_.columns.size(); ++i) {
    sql += (i == 0 ? "" : ", ") + sqlite::quote_identifier(copy_.columns[i].name);
  }
  SN_ASSIGN(auto scan, snapshot.prepare(sql + " FROM " + sqlite::quote_identifier(table.name)));
  SN_ASSIGN(auto insert, scratch_.prepare("INSERT INTO row VALUES(?1, ?2, ?3, ?4, ?5)"));
  RowEncoder encoder(copy_, seed_);
  std::vector<ValueView> values(copy_.columns.size());
  EncodedRow row;
  std::string hash;
  std::string data;
  SN_TRY(scratch_.execute("BEGIN"));
  while (true) {
    SN_TRY(snapshot.breathe());
    SN_ASSIGN(bool more, scan.step());
    if (!more) break;
    for (size_t i = 0; i < values.size(); ++i) values[i] = scan.column(static_cast<int>(i));
    if (copy_.key_kind == KeyKind::kMultiset) {
      row.key = encoder.digest(values);
    } else if (!encoder.key(values, 0, row.key)) {
      return key_misfit(copy_);
    }
    encoder.encode(values, row);
    serialize(row, data);
    hash.clear();
    codec::append_row_hash(hash, encoder.hash(values));
    insert.bind(1, position_of(row.key));
    insert.bind_borrowed_blob(2, row.key);
    insert.bind_borrowed_blob(3, hash);
    insert.bind(4, row.quarantined.empty() ? 0 : 1);
    insert.bind_borrowed_blob(5, data);
    SN_TRY(insert.run());
  }
  return scratch_.execute("COMMIT; CREATE INDEX row_order ON row(position, key)");
}

Status SortedRows::start(std::optional<int64_t> after) {
  SN_ASSIGN(rows_,
            scratch_.prepare("SELECT position, key, hash, misfit, data FROM row WHERE position > ?1 OR ?2 "
                             "ORDER BY position, key"));
  rows_.bind(1, after.value_or(0));
  rows_.bind(2, after ? 0 : 1);
  SN_ASSIGN(point_, scratch_.prepare("SELECT data FROM row WHERE position = ?1 AND key = ?2"));
  return {};
}

Result<bool> SortedRows::next() {
  SN_ASSIGN(bool more, rows_.step());
  if (!more) return false;
  position_ = rows_.column_int64(0);
  std::string_view stored = rows_.column_bytes(1);
  if (copy_.key_kind == KeyKind::kMultiset) {
    ordinal_ = stored == previous_digest_ ? ordinal_ + 1 : 0;
    previous_digest_ = stored;
    key_ = codec::multiset_key(stored, ordinal_);
  } else {
    key_ = stored;
  }
  hash_ = codec::read_row_hash(rows_.column_bytes(2).data());
  has_misfit_ = rows_.column_int64(3) != 0;
  return true;
}

Status SortedRows::encode(EncodedRow& out) {
  SN_TRY(deserialize(rows_.column_bytes(4), out));
  out.key = key_;
  return {};
}

Status SortedRows::fetch(int64_t position, const std::string& key, EncodedRow& out) {
  // Equal rows of a multiset differ by their ordinal alone: any of them will do.
  std::string stored = copy_.key_kind == KeyKind::kMultiset ? key.substr(0, 16) : key;
  point_.reset();
  point_.bind(1, position);
  point_.bind_blob(2, stored);
  SN_ASSIGN(bool found, point_.step());
  if (!found)
    return Error{ErrorCode::kInternal, "a row of table '" + copy_.name + "' left its scratch file", ""};
  Status done = deserialize(point_.column_bytes(0), out);
  out.key = key;
  return done;
}

}  // namespace syncnode::sync
