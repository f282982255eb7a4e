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

// The snapshots of a load that is read in one after the other.
class LoadSnapshots {
 public:
  // What can be read now above a position: up to `last`, which is the largest there is where that is all.
  struct Reach {
    sqlite::Snapshot* snapshot = nullptr;
    int64_t last = 0;
  };
  virtual ~LoadSnapshots() = default;
  virtual Result<Reach> first(std::optional<int64_t> after) = 0;
  // Asked every few rows: this one is in the application's way.
  virtual bool outstays() = 0;
  // A later snapshot of the same tables; all rows up to `position` were read.
  virtual Result<Reach> next(int64_t position) = 0;
};

struct TableLoadOptions {
  std::string spool_directory;
  uint64_t spool_bytes = uint64_t{1} << 30;  // local disk for chunks that wait to be sent
  std::function<void(int64_t rows)> progress;
  LoadSnapshots* snapshots = nullptr;  // of a table that is read by rowid; may be nothing
};

// `earlier`: what the copy says of a load of this table; `mark`: what the memory says. Both agree, or neither
// is used.
Result<LoadedTable> load_table(sqlite::Snapshot& snapshot, const SourceTable& table, const CopyTable& copy,
                               memory::Memory& memory, LoadSender& sender,
                               const std::optional<LoadedTable>& earlier, const TableLoadOptions& options);

}  // namespace syncnode::sync
