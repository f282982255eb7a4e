// SourcePages: the pages of a snapshot, as bytes: what SQLite reads for a query, without asking it. From the
// snapshot's one open file and its log, under its lock. Refuses to understand them: agent/capture does.
// Belongs to the snapshot, one thread. Every failure may be the snapshot's breaking: kAborted.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "sqlite/read_guard.h"

namespace syncnode::sqlite {

class SourcePages {
 public:
  // `page_size` and `page_count` as SQLite says them inside the snapshot's transaction.
  SourcePages(const SourceFile& file, ReadGuard& guard, uint32_t page_size, uint32_t page_count)
      : file_(file), guard_(guard), page_size_(page_size), page_count_(page_count) {}

  uint32_t page_size() const { return page_size_; }
  uint32_t page_count() const { return page_count_; }
  LogState log_state() const { return guard_.log_state(); }
  LogView log() const { return guard_.log_view(); }
  const MainState& main() const { return guard_.main_state(); }

  // The pages of frames `first` to `last`; nothing when they cannot be told any more.
  std::optional<std::vector<uint32_t>> frame_pages(uint32_t first, uint32_t last);
  // The checksum that stands in a frame's header: of it and of all frames before it.
  Result<std::pair<uint32_t, uint32_t>> frame_checksum(uint32_t frame);

  // The first `size` bytes of a page, from the log or the main file. kCorruption beyond the file's end.
  Status read(uint32_t page, char* buffer, size_t size);
  // True when some frame of the snapshot's holds this page.
  Result<bool> in_log(uint32_t page);
  // Pages as the main file has them; what lies beyond its end is zero.
  Status read_main(uint32_t first, uint32_t count, char* buffer);

  uint64_t bytes_read() const { return bytes_read_; }

 private:
  Status need_overlay();
  Status read_log(uint32_t frame, int64_t offset, char* buffer, size_t size);

  const SourceFile& file_;
  ReadGuard& guard_;
  const uint32_t page_size_;
  const uint32_t page_count_;
  std::optional<std::unordered_map<uint32_t, uint32_t>> overlay_;  // page -> its last frame
  uint64_t bytes_read_ = 0;
};

}  // namespace syncnode::sqlite
