#include "sqlite/page_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace syncnode::sqlite {
namespace {

constexpr int64_t kStep = 1 << 20;  // how much may pass between two questions whether to go on

// `size` bytes from `offset` on, to the same place.
bool copy_part(int to, int from, off_t offset, int64_t size) {
  const off_t end = offset + size;
  if (::lseek(to, offset, SEEK_SET) != offset) return false;
  while (offset < end) {
    const ssize_t part = ::sendfile(to, from, &offset, static_cast<size_t>(end - offset));
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return false;
  }
  return true;
}

}  // namespace

bool PageImage::fill(int main_fd, uint32_t page_size, const std::vector<bool>& wanted, int wal_fd,
                     int64_t wal_size, const std::function<bool()>& go_on) {
  fresh_.clear();
  if (page_size != page_size_) standing_.clear();
  page_size_ = page_size;
  held_ = wanted;
  if (!main_.valid()) main_.reset(::memfd_create("sync-node-pages", MFD_CLOEXEC));
  wal_.reset(::memfd_create("sync-node-log", MFD_CLOEXEC));
  if (!main_.valid() || !wal_.valid()) return false;
  if (!copy_part(wal_.get(), wal_fd, 0, wal_size)) return false;
  struct stat facts {};
  if (::fstat(main_fd, &facts) != 0 || ::ftruncate(main_.get(), facts.st_size) != 0) return false;
  const auto is_missing = [&](size_t page) { return wanted[page] && !stands(page); };
  std::vector<bool> copied(wanted.size());
  for (size_t page = 1; page < wanted.size();) {
    size_t end = page + 1;
    if (is_missing(page)) {
      while (end < wanted.size() && is_missing(end)) ++end;
      if (!copy(main_fd, page, end, facts.st_size, go_on)) return false;
    }
    for (; page < end; ++page)
      copied[page] = is_missing(page) && static_cast<int64_t>(page * page_size) <= facts.st_size;
  }
  fresh_ = std::move(copied);
  return true;
}

// What lies beyond the file's end is in the log alone.
bool PageImage::copy(int main_fd, size_t page, size_t end, int64_t file_size,
                     const std::function<bool()>& go_on) {
  const auto offset = static_cast<off_t>((page - 1) * page_size_);
  const int64_t size = std::min<int64_t>(static_cast<int64_t>((end - page) * page_size_), file_size - offset);
  for (int64_t at = 0; at < size; at += kStep) {
    if (!go_on() || !copy_part(main_.get(), main_fd, offset + at, std::min(kStep, size - at))) return false;
  }
  return true;
}

void PageImage::overlaid(const std::vector<uint32_t>* in_log) {
  if (in_log == nullptr) return fresh_.clear();
  for (const uint32_t page : *in_log) {
    if (page < fresh_.size()) fresh_[page] = false;
  }
}

bool PageImage::holds(size_t size, off_t offset) const {
  const size_t first = static_cast<size_t>(offset) / page_size_ + 1;
  const size_t last = (static_cast<size_t>(offset) + std::max<size_t>(size, 1) - 1) / page_size_ + 1;
  for (size_t page = first; page <= last; ++page) {
    if (page >= held_.size() || !held_[page]) return false;
  }
  return true;
}

void PageImage::settle(bool was_true) {
  if (was_true) {
    standing_.resize(std::max(standing_.size(), fresh_.size()));
    for (size_t page = 0; page < fresh_.size(); ++page) {
      if (fresh_[page]) standing_[page] = true;
    }
  }
  fresh_.clear();
}

void PageImage::written(const std::vector<bool>* pages) {
  if (pages == nullptr) return standing_.clear();
  for (size_t page = 0; page < std::min(pages->size(), standing_.size()); ++page) {
    if ((*pages)[page]) standing_[page] = false;
  }
}

}  // namespace syncnode::sqlite
