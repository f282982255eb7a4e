// LogHeaders: the headers of a -wal and of its frames, and how far the wal-index says they are committed,
// read beside the application: no lock, no SQLite, two descriptors for the time of a look. (Closing them
// takes no lock from anybody: SQLite locks no -wal, and ours are of open file descriptions.) Refuses to say
// that what it read still holds: another read tells. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"

namespace syncnode::sqlite {

class LogHeaders {
 public:
  struct Committed {
    uint32_t salt1 = 0;
    uint32_t salt2 = 0;
    uint32_t frames = 0;
    uint32_t backfilled = 0;  // frames of them that were copied to the main file
    uint32_t commits = 0;     // counted on from one log to the next, round the corner; anew after a recovery
  };
  struct Frame {
    uint32_t page = 0;
    uint32_t salt1 = 0;
    uint32_t salt2 = 0;
    uint64_t checksum = 0;  // both words of it: of this frame and all before it
    bool ends_commit = false;
  };

  // Nothing where there is no log with a wal-index.
  static std::optional<LogHeaders> open(const std::string& main_path);

  uint32_t page_size() const { return page_size_; }
  // Nothing while the index is being written, or where it is of another log.
  std::optional<Committed> committed() const;
  // Its application has it open; else the index may be an old one.
  bool is_live() const;
  // Somebody is copying frames back just now.
  bool is_checkpointed() const;
  std::optional<Frame> frame(uint32_t number) const;  // from 1; nothing beyond the end

 private:
  LogHeaders(UniqueFd wal, UniqueFd shm, uint32_t page_size)
      : wal_(std::move(wal)), shm_(std::move(shm)), page_size_(page_size) {}
  std::optional<Committed> read_committed() const;

  UniqueFd wal_;
  UniqueFd shm_;
  uint32_t page_size_;
};

}  // namespace syncnode::sqlite
