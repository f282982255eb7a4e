#include "sync/sorted_rows.h"

#include "codec/row_key.h"
#include "sqlite/source_query.h"

namespace syncnode::sync {

Result<std::unique_ptr<SourceRows>> SortedRows::open(sqlite::Snapshot& snapshot, const SourceTable& table,
                                                     const CopyTable& copy,
                                                     const SourceRowsOptions& options) {
  SN_ASSIGN(auto scratch, memory::SortedScratch::create());
  std::unique_ptr<SortedRows> rows(new SortedRows(copy, options.seed, std::move(scratch)));
  SN_TRY(rows->fill(snapshot, table));
  SN_TRY(rows->scratch_.sort(options.after));
  return std::unique_ptr<SourceRows>(std::move(rows));
}

Status SortedRows::fill(sqlite::Snapshot& snapshot, const SourceTable& table) {
  SN_ASSIGN(auto scan, snapshot.prepare(sqlite::select_query(column_names(copy_), table.name)));
  RowEncoder encoder(copy_, seed_);
  std::vector<ValueView> values(copy_.columns.size());
  EncodedRow row;
  std::string data;
  while (true) {
    SN_TRY(snapshot.breathe());
    SN_ASSIGN(bool more, scan.step());
    if (!more) return {};
    for (size_t i = 0; i < values.size(); ++i) values[i] = scan.column(static_cast<int>(i));
    if (copy_.key_kind == KeyKind::kMultiset) {
      row.key = encoder.digest(values);
    } else if (!encoder.key(values, 0, row.key)) {
      return key_misfit(copy_);
    }
    encoder.encode(values, row);
    serialize(row, data);
    auto position = static_cast<int64_t>(codec::bytes_hash(seed_, row.key).low);
    SN_TRY(scratch_.add({position, row.key, encoder.hash(values), !row.quarantined.empty(), data}));
  }
}

Result<bool> SortedRows::next() {
  SN_ASSIGN(auto row, scratch_.next());
  if (!row) return false;
  row_ = *row;
  if (copy_.key_kind == KeyKind::kMultiset) {
    ordinal_ = row_.key == previous_digest_ ? ordinal_ + 1 : 0;
    previous_digest_ = row_.key;
    key_ = codec::multiset_key(row_.key, ordinal_);
  } else {
    key_ = row_.key;
  }
  return true;
}

Status SortedRows::encode(EncodedRow& out) {
  SN_TRY(deserialize(row_.data, out));
  out.key = key_;
  return {};
}

Status SortedRows::fetch(int64_t position, const std::string& key, EncodedRow& out) {
  // Equal rows of a multiset differ by their ordinal alone: any of them will do.
  std::string stored = copy_.key_kind == KeyKind::kMultiset ? key.substr(0, codec::kContentDigest) : key;
  SN_ASSIGN(auto data, scratch_.find(position, stored));
  SN_TRY(deserialize(data, out));
  out.key = key;
  return {};
}

}  // namespace syncnode::sync
