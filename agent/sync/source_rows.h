// SourceRows: the rows of one source table in the order of the memory, position by position. Two ways:
// straight in rowid order, or, where there is no stable order to lean on (WITHOUT ROWID, multisets), through
// a sorted scratch file by the hash of the key. Reads only inside the snapshot it was given; one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "capture/key_ranges.h"
#include "codec/row_hash.h"
#include "model/source_schema.h"
#include "sqlite/snapshot.h"
#include "sync/row_encoder.h"

namespace syncnode::sync {

class SourceRows {
 public:
  virtual ~SourceRows() = default;

  // True: a row is there. kAborted when the snapshot broke; is_key_misfit() when a key does not fit the
  // copy's plain primary key and the table must be reloaded with encoded keys.
  virtual Result<bool> next() = 0;
  virtual int64_t position() const = 0;
  virtual const std::string& key() const = 0;
  virtual codec::RowHash hash() const = 0;
  virtual bool has_misfit() const = 0;
  virtual Status encode(EncodedRow& out) = 0;  // the current row, key included
  // A row seen before in this snapshot, by its position and key.
  virtual Status fetch(int64_t position, const std::string& key, EncodedRow& out) = 0;
};

struct SourceRowsOptions {
  uint64_t seed = 0;
  std::optional<int64_t> after;  // only positions above
  std::string scratch_directory;
  // Only rows at these positions, of a table that is read by rowid; else all. Outlives the rows.
  const capture::KeyRanges* ranges = nullptr;
};

// `table` and `copy` must outlive the rows.
Result<std::unique_ptr<SourceRows>> open_source_rows(sqlite::Snapshot& snapshot, const SourceTable& table,
                                                     const CopyTable& copy, const SourceRowsOptions& options);

std::vector<std::string> column_names(const CopyTable& copy);  // in the source

Error key_misfit(const CopyTable& copy);
bool is_key_misfit(const Error& error);

// A name of the rowid that no column hides; "" where all are.
std::string_view rowid_name(const SourceTable& table);
// True when rows of this table are read in rowid order and the key of INTEGER PRIMARY KEY tables is the
// position.
bool reads_by_rowid(const SourceTable& table);
bool key_is_position(const SourceTable& table, const CopyTable& copy);
// Its key is one bigint column.
bool holds_rowids(const CopyTable& copy);

}  // namespace syncnode::sync
