// RowEncoder: turns the current row of a source statement into what the rest needs: its key, its hash, and
// its fields for COPY or a merge, with the values that do not fit set apart. Pure but for its buffers; one
// thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/row_hash.h"
#include "model/value.h"
#include "sync/copy_shape.h"

namespace syncnode::sync {

// A value that the copy's column cannot hold. `bytes` is borrowed from the row.
struct QuarantinedValue {
  size_t column = 0;  // index into CopyTable::columns
  StorageClass storage_class = StorageClass::kNull;
  std::string bytes;  // docs/FORMATS.md, "Types"
  std::string_view reason;
};

struct EncodedRow {
  std::string key;     // row key
  std::string fields;  // COPY fields of the direct columns, `_sync_key` not included
  std::vector<QuarantinedValue> quarantined;
};

std::string stored_bytes(const ValueView& value);

// The values of one row in the order of CopyTable::columns; borrowed from the statement's current row.
using RowValues = std::span<const ValueView>;

class RowEncoder {
 public:
  // `table` must outlive the encoder.
  RowEncoder(const CopyTable& table, uint64_t seed);

  // The row key. False: the key does not fit a plain table (NULL, wrong class, too long): it must be reloaded
  // as encoded. Not for multisets.
  bool key(RowValues row, int64_t rowid, std::string& key) const;
  // For multisets: the 16-byte digest of the content.
  std::string digest(RowValues row) const;

  codec::RowHash hash(RowValues row) const;
  bool has_misfit(RowValues row) const;
  void encode(RowValues row, EncodedRow& out) const;  // all but the key

 private:
  const CopyTable& table_;
  uint64_t seed_;
  std::vector<size_t> key_columns_;
  std::vector<codec::TargetType> key_types_;
};

// EncodedRow as bytes on a spool, and back (borrowed from `record`).
void serialize(const EncodedRow& row, std::string& out);
Status deserialize(std::string_view record, EncodedRow& row);

}  // namespace syncnode::sync
