// Follower: keeps a memory of one source as sync-node does, without the copy: either looks where capture says
// that rows may have changed, or at all rows. Two of them must find the same. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "memory/memory.h"
#include "sync/copy_shape.h"
#include "sync/table_diff.h"

namespace syncnode::capture {

// Of one table.
struct Difference {
  int64_t rows = 0, inserted = 0, updated = 0, quarantined = 0;
  bool touched = false;
  std::vector<std::string> upserts, gone, uncleared;  // sorted
  bool operator==(const Difference&) const = default;
  std::string to_string() const;
};

// How capture came to what it said.
struct Ways {
  std::map<Evidence, int64_t> evidence;
  int64_t unchanged = 0, ranges = 0;
  int64_t spared = 0;                         // long rows beside others that were written
  int64_t kept = 0;                           // looks at pages that had been copied, log and lock let go of
  std::map<std::string, int64_t> everything;  // by reason
};

class Follower {
 public:
  // `ways` null: looks at all rows. `seed`: of the memory's hashes. `trail` may be null.
  Follower(std::string directory, uint64_t seed, Ways* ways, Trail* trail);

  // What is different from what is remembered, by table.
  Result<std::map<std::string, Difference>> look(sqlite::Snapshot& snapshot);
  // Before the snapshot is closed: what look() found is remembered; or is not, like that of a killed run.
  Status settle(sqlite::Snapshot& snapshot, bool remember);
  // As the next process would.
  void reopen();
  // All records of a table, readable.
  Result<std::vector<std::string>> records(const std::string& table);
  // The last look was at pages that had been copied.
  bool kept() const { return kept_; }
  // Of the last look.
  const Capture* capture() const { return capture_ ? &*capture_ : nullptr; }
  memory::Memory& memory() { return *memory_; }

 private:
  Status keep_pages(sqlite::Snapshot& snapshot, const SourceSchema& schema);
  Result<Difference> look_at(sqlite::Snapshot& snapshot, const SourceTable& table);
  Result<Difference> difference_of(sync::TableChange& change) const;

  const std::string directory_;
  Ways* const ways_;
  Trail* const trail_;
  std::unique_ptr<memory::Memory> memory_;
  MapShelf shelf_;  // two runs of three leave their map there
  std::optional<Capture> capture_;
  std::map<std::string, sync::CopyTable> shapes_, new_shapes_;
  int64_t runs_ = 0;
  bool kept_ = false;
};

}  // namespace syncnode::capture
