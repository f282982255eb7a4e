// TableDiff: what changed in one table between the memory and a snapshot. Cost: one pass over the rows, one
// over the memory's blocks, or over those that hold the rowids which may have changed; network: none. Its
// result is true once the snapshot has been validated. One thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "capture/key_ranges.h"
#include "memory/gone_rows.h"
#include "memory/memory.h"
#include "sqlite/snapshot.h"
#include "sync/copy_shape.h"
#include "sync/spool.h"

namespace syncnode::sync {

struct TableChange {
  CopyTable copy;
  std::optional<memory::Image> image;  // after this change; nothing: forget the table
  int64_t rows = 0;
  int64_t inserted = 0;
  int64_t updated = 0;
  int64_t quarantined_rows = 0;
  bool touched = false;            // the memory of this table must be written
  std::optional<Spool> upserts;    // serialized EncodedRow records
  std::optional<Spool> uncleared;  // keys whose old quarantine entries must go first
  int64_t uncleared_count = 0;
  std::optional<Spool> reappeared;  // keys of `_sync_kept` that the source has again
  int64_t reappeared_count = 0;
  std::optional<memory::GoneRows> gone;  // rows to remove (or hold)
};

struct TableDiffOptions {
  std::string scratch_directory;
  std::function<void(int64_t rows)> progress;  // now and then
  // Where rows may have changed, in a table that is read by rowid; null: anywhere.
  const capture::KeyRanges* ranges = nullptr;
};

// `image`: the table's records, nothing for an empty copy. Writes pending blocks to `memory` as it goes.
Result<TableChange> diff_table(sqlite::Snapshot& snapshot, const SourceTable& table, const CopyTable& copy,
                               memory::Memory& memory, std::optional<memory::Image> image,
                               const TableDiffOptions& options);

}  // namespace syncnode::sync
