// PageImage: some pages of a source's main file, and the used part of its log, copied into memory (memfd), so
// that what is read of them needs neither lock nor luck. Can be handed on to the next snapshot, where the
// copies of pages that nobody wrote in between stand: what is too much for one hold is copied in several.
// Refuses to find out what was written. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "base/unique_fd.h"

namespace syncnode::sqlite {

class PageImage {
 public:
  // Copies the pages of `wanted` (by number, from 1) that do not stand, and the first `wal_size` bytes of the
  // log. False: memory is short, something is not there any more, or `go_on`, asked before each run of pages
  // and every megabyte, says no.
  bool fill(int main_fd, uint32_t page_size, const std::vector<bool>& wanted, int wal_fd, int64_t wal_size,
            const std::function<bool()>& go_on);
  // The log of that snapshot has frames of these: the main file's copy is not what they were in it. Null: of
  // any.
  void overlaid(const std::vector<uint32_t>* in_log);
  bool holds(size_t size, off_t offset) const;
  int main() const { return main_.get(); }
  int wal() const { return wal_.get(); }

  // That snapshot was true, and what was copied in it stands / it was not.
  void settle(bool was_true);
  // In the one that follows it these may be others, by number; null: any.
  void written(const std::vector<bool>* pages);
  bool stands(size_t page) const { return page < standing_.size() && standing_[page]; }

 private:
  bool copy(int main_fd, size_t page, size_t end, int64_t file_size, const std::function<bool()>& go_on);

  UniqueFd main_;  // as long as the file, with holes
  UniqueFd wal_;
  uint32_t page_size_ = 0;
  std::vector<bool> held_;      // can be read
  std::vector<bool> fresh_;     // copied in this snapshot, and as it had them
  std::vector<bool> standing_;  // copied in one before it
};

}  // namespace syncnode::sqlite
