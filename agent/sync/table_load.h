// TableLoad: reads one table of a snapshot into chunks for a load table, and its records into a new memory
// image. A load that an earlier run left behind goes on after its last committed chunk. One thread, inside
// the snapshot, or in one after the other.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "memory/memory.h"
#include "sqlite/snapshot.h"
#include "sync/copy_state.h"
#include "sync/load_sender.h"

namespace syncnode::sync {

struct LoadedTable {
  memory::LoadMark mark;
  CopyLoad load;
  int64_t quarantined_rows = 0;
  bool resumed = false;  // its first rows come from an older snapshot: a diff must follow
};

// The load has to pause until its sender has caught up; what was read so far is not lost.
bool must_drain_spool(const Error& error);

struct TableLoadOptions {
  std::string spool_directory;
  uint64_t spool_bytes = uint64_t{1} << 30;  // local disk for chunks that wait to be sent
  std::function<void(int64_t rows)> progress;
  // A later snapshot of the same tables instead of this one, asked for when this one outstays: the load goes
  // on above `position`. Only of a table that is read by rowid; may be nothing.
  std::function<Result<sqlite::Snapshot*>(int64_t position)> renew;
};

// `earlier`: what the copy says of a load of this table; `mark`: what the memory says. Both agree, or neither
// is used.
Result<LoadedTable> load_table(sqlite::Snapshot& snapshot, const SourceTable& table, const CopyTable& copy,
                               memory::Memory& memory, LoadSender& sender,
                               const std::optional<LoadedTable>& earlier, const TableLoadOptions& options);

}  // namespace syncnode::sync
