// ReadGuard: what makes true what SQLite reads of a client's file. One per snapshot, chosen by the state the
// file is in: SharedHold (rollback journal), ReadMark (WAL, application connected), UnlockedRead (WAL, nobody
// there). Refuses to write anything anywhere. Belongs to the snapshot's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sqlite/file_image.h"
#include "sqlite/page_image.h"
#include "sqlite/snapshot.h"
#include "sqlite/source_file.h"

namespace syncnode::sqlite {

// What the content of a snapshot is made of, beside the main file.
enum class LogState {
  kNone,    // the main file alone
  kLive,    // and the frames of LogView
  kUnknown  // and frames of a log that SQLite alone sorted out
};

// The frames of a -wal that belong to a snapshot, numbered from 1 (SQLite file format §4.1; the figures are
// those of the wal-index header).
struct LogView {
  uint32_t salt1 = 0;  // one more at each restart of the log
  uint32_t salt2 = 0;  // random
  uint32_t frames = 0;
  uint32_t checksum1 = 0;  // of the last frame, and so of all before it
  uint32_t checksum2 = 0;
  uint32_t backfilled = 0;  // frames that were copied to the main file, when the snapshot began
  bool in_use = true;       // false: all of them are in the main file, and only that is read
};

// The main file when the snapshot's content was fixed; it may have been written since.
struct MainState {
  FileFacts facts;
  bool settled = false;             // old enough then that the next write would show in its times
  std::optional<uint32_t> counter;  // of changes; in rollback mode, where each commit adds one
  BootClock::time_point since{};    // nothing of the content was read before
};

class ReadGuard {
 public:
  ReadGuard(const SourceFile& file, std::shared_ptr<ImageSpace> images, Deadline deadline)
      : file_(file), images_(std::move(images)), deadline_(deadline) {}
  virtual ~ReadGuard() = default;
  ReadGuard(const ReadGuard&) = delete;
  ReadGuard& operator=(const ReadGuard&) = delete;

  virtual JournalMode journal_mode() const = 0;

  // SQLite asks for SHARED on the main file / gives it back.
  virtual Status acquire() = 0;
  virtual void release() = 0;
  // Bytes of the main file; the number got (short at its end).
  virtual Result<size_t> read_main(void* buffer, size_t size, off_t offset) = 0;
  virtual Result<int64_t> main_size() = 0;
  // After started().
  const MainState& main_state() const { return main_state_; }

  // The -wal as found when the snapshot opened; -1 when there is none.
  virtual int wal_fd() const { return -1; }
  virtual LogState log_state() const { return LogState::kUnknown; }
  virtual LogView log_view() const { return {}; }
  // Appends the page of each frame from `first` to `last`. False: the log was restarted, they cannot be told.
  virtual bool frame_pages(uint32_t /*first*/, uint32_t /*last*/, std::vector<uint32_t>& /*pages*/) {
    return false;
  }
  // What SQLite is to believe is in it, in bytes.
  virtual Result<int64_t> wal_size() const { return 0; }
  // The shared memory, as codes of SQLite's xShmMap and xShmLock.
  virtual int map_shm(int region, int size, volatile void** out) = 0;
  virtual int lock_shm(int slot, int count, int flags) = 0;

  // SQLite has begun its read transaction. kAborted when it did not take the path this guard guards.
  virtual Status started() = 0;
  // Copies the files into memory where they fit, so that nothing can break the snapshot any more. kAborted
  // when it broke meanwhile.
  virtual Status keep_image() = 0;
  // The same with some of its pages (by number, from 1), in `image`: the others cannot be read afterwards
  // (kAborted). Nothing where no lock would be spared.
  virtual Status keep_pages(const std::vector<bool>& /*wanted*/, uint32_t /*page_size*/,
                            const std::shared_ptr<PageImage>& /*image*/) {
    return {};
  }
  // True so far? kAborted when not.
  virtual Status check() = 0;
  // The log cannot begin anew because of this reader / and would have by now, or nearly so.
  virtual bool holds_log() const { return false; }
  virtual uint32_t log_growth() const { return 0; }    // frames since
  virtual bool holds_shared() const { return false; }  // rollback mode: a writer waits for it, or breaks it
  virtual bool outstays() const { return false; }
  virtual std::chrono::nanoseconds longest_shared_hold() const { return std::chrono::nanoseconds(0); }

 protected:
  Error changed(const std::string& what) const {
    return Error{ErrorCode::kAborted, "'" + file_.path() + "' changed while it was read: " + what, ""};
  }
  void note_main(const FileFacts& facts, BootClock::time_point since, std::optional<uint32_t> counter = {}) {
    main_state_ = {facts, unsettled_for(facts) == std::chrono::nanoseconds(0), counter, since};
  }
  const SourceFile& file_;
  const std::shared_ptr<ImageSpace> images_;
  const Deadline deadline_;

 private:
  MainState main_state_;
};

}  // namespace syncnode::sqlite
