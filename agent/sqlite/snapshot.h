// Snapshot: one consistent view of a client's live file, read without disturbing the application (law L1).
//
// How: SQLite reads through our own VFS (quiet_vfs.h), which cannot write, create, checkpoint or write-lock.
//   - A small file is copied into memory at once.
//   - WAL mode: a shared lock on one read mark, none on the main file (its last close must work as without
//   us).
//   - Rollback mode: SHARED for at most SnapshotOptions::hold, and given back within a millisecond when a
//   writer waits for it; we go on only if nothing changed.
//   - Nobody connected, or no -wal/-shm: no lock.
// What was read is true only once validate() has said so; nothing may be shipped before. kAborted from any
// call: the snapshot is broken, close it and start again.
//
// One thread. Our locks are open-file-description locks, so nothing in the process drops them; but our close
// drops the POSIX locks of anybody else in the process with this file open in SQLite, so nobody may have.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/right_of_way.h"
#include "model/source_schema.h"
#include "sqlite/database.h"
#include "sqlite/log_room.h"

namespace syncnode::sqlite {

// Says which file was read, not where it lay: survives a reboot, changes when the file is replaced.
struct SourceIdentity {
  uint64_t inode = 0;
  int64_t birth_nanoseconds = 0;  // 0 where the file system does not tell (statx STATX_BTIME)
  bool operator==(const SourceIdentity&) const = default;
  std::string to_string() const;
};

enum class JournalMode { kWal, kRollback };

struct SnapshotOptions {
  std::chrono::milliseconds hold{40};        // longest SHARED hold in rollback mode; the law says <= 100 ms
  std::chrono::milliseconds patience{2000};  // longest wait for a quiet moment before kStarved
  // Rollback mode: so long a copy into memory gives way to every writer who comes. Then one is finished
  // within `hold`, so that a busy file is read at all, but at most once in so long. 0: this one is. What is
  // copied of a large file is known only when it was found, and whoever tries again says how long is left.
  std::chrono::milliseconds courtesy{1000};
  // A file (with its -wal) up to this size is copied into memory at once: then no lock is held and nothing
  // the application does can break the snapshot. Larger ones are read where they are. 0: never copy.
  int64_t image_bytes = int64_t{64} << 20;
  // The same in WAL mode while the application is connected, where a copy spares it nothing: who reads little
  // says 0.
  int64_t live_image_bytes = int64_t{64} << 20;
  LogRoom log_room{};
  std::shared_ptr<const RightOfWay> gives_way_to = nullptr;  // breathe() may wait for it
};

struct HarmReport {
  std::chrono::nanoseconds longest_shared_hold{0};  // rollback mode
  std::chrono::nanoseconds read_transaction{0};     // from the first read until nothing is held
  uint64_t bytes_read = 0;                          // from the main file and -wal
};

class PageImage;
class SourcePages;

class Snapshot {
 public:
  // kNotFound, kPermissionDenied, kFailedPrecondition (not a SQLite file or encrypted; hot journal),
  // kCorruption, kStarved (no moment within options.patience when nobody was writing, closing or switching).
  // The caller has passed host::check_source_path() and host::check_cannot_write() first.
  static Result<std::unique_ptr<Snapshot>> open(const std::string& path, const SnapshotOptions& options = {});
  virtual ~Snapshot() = default;

  virtual Result<SourceSchema> read_schema() = 0;
  // Any SELECT, inside this snapshot's one read transaction. The statement must end before the snapshot does.
  virtual Result<Statement> prepare(std::string_view sql) = 0;
  // Its pages as bytes (source_pages.h); ends with the snapshot. kFailedPrecondition, with the reason, where
  // only SQLite knows what they are.
  virtual Result<SourcePages*> pages() = 0;
  // Call once per row or so: notices early that the snapshot is broken. Cheap (one clock read). The SHARED
  // hold is bounded without it.
  virtual Status breathe() = 0;
  // Copies these pages (by number, from 1) into memory and lets go of the log or of SHARED, where that is
  // held. Nothing else can be read afterwards: kAborted from any call that would. Into `image`, but for those
  // that stand there (page_image.h).
  virtual Status keep_pages(const std::vector<bool>& wanted, std::shared_ptr<PageImage> image) = 0;
  Status keep_pages(const std::vector<bool>& wanted);
  // Frames that the application has written since, as far as they may be in the way of its log's beginning; 0
  // where the log is not held.
  virtual uint32_t log_growth() const = 0;
  // The application's log cannot begin anew as long as this snapshot is open.
  virtual bool holds_log() const = 0;
  // Rollback mode: what is read takes SHARED, and a writer who comes waits for it, or breaks the snapshot.
  virtual bool holds_shared() const = 0;
  // It is as long as it gets without a reader (log_room.h): what is written from here on makes it longer, for
  // good. Looked at every millisecond, by breathe().
  virtual bool outstays() const = 0;
  // True so far? Must be called after the last row was read and before anything is shipped.
  virtual Status validate() = 0;

  virtual SourceIdentity identity() const = 0;
  virtual JournalMode journal_mode() const = 0;
  virtual HarmReport harm() const = 0;
};

// Double quotes around, double quotes inside doubled.
std::string quote_identifier(std::string_view name);

}  // namespace syncnode::sqlite
