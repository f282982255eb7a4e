// EarlyScan: the pass over the main file that a snapshot would need, made before it: with no read mark, so
// that the application's log can begin anew meanwhile, and without SHARED, so that it can commit. What was
// written to the main file while it was read came out of the log, or was kept in rollback journals, and a
// trail followed those. Refuses to guess: where the trail lost its way the pass is
// of no use. One run, one thread.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "capture/checksums.h"
#include "capture/log_trail.h"

namespace syncnode::capture {

class EarlyScan {
 public:
  // Nothing where no application has the file open in WAL mode and `journals`, which may be null, does not
  // follow its rollback journals, or the file cannot be read. `path` is that of the main file, checked
  // (host/source_path.h); no other file descriptor of this process is a SQLite handle on it
  // (sqlite/snapshot.h).
  static std::optional<EarlyScan> take(const std::string& path, uint64_t seed, bool heads, Trail* journals,
                                       const std::stop_token& stop);

  // As scan_main() would have it inside this snapshot, which came later. Once.
  Result<std::optional<MainScan>> settle(sqlite::SourcePages& pages, const Position& now);

 private:
  EarlyScan() = default;
  bool begin(const std::string& path, Trail* journals);

  std::unique_ptr<LogTrail> log_;
  Trail* trail_ = nullptr;  // that, or the caller's
  Position begun_;          // before the first frame of the log that was there then
  uint64_t inode_ = 0;      // of the file that was read
  uint32_t page_size_ = 0;
  MainScan scan_;
};

}  // namespace syncnode::capture
