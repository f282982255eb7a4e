#include "sqlite/file_image.h"

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
  page_size_ = page_size;
  held_ = wanted;
  main_.reset(::memfd_create("sync-node-pages", MFD_CLOEXEC));
  wal_.reset(::memfd_create("sync-node-log", MFD_CLOEXEC));
  if (!main_.valid() || !wal_.valid()) return false;
  if (!copy_part(wal_.get(), wal_fd, 0, wal_size)) return false;
  struct stat facts {};
  if (::fstat(main_fd, &facts) != 0 || ::ftruncate(main_.get(), facts.st_size) != 0) return false;
  for (size_t page = 1; page < wanted.size();) {
    if (!wanted[page]) {
      ++page;
      continue;
    }
    size_t end = page + 1;
    while (end < wanted.size() && wanted[end]) ++end;
    const auto offset = static_cast<off_t>((page - 1) * page_size);
    // What lies beyond the file's end is in the log alone.
    const int64_t size =
        std::min<int64_t>(static_cast<int64_t>((end - page) * page_size), facts.st_size - offset);
    for (int64_t at = 0; at < size; at += kStep) {
      if (!go_on() || !copy_part(main_.get(), main_fd, offset + at, std::min(kStep, size - at))) return false;
    }
    page = end;
  }
  return true;
}

bool PageImage::holds(size_t size, off_t offset) const {
  const size_t first = static_cast<size_t>(offset) / page_size_ + 1;
  const size_t last = (static_cast<size_t>(offset) + std::max<size_t>(size, 1) - 1) / page_size_ + 1;
  for (size_t page = first; page <= last; ++page) {
    if (page >= held_.size() || !held_[page]) return false;
  }
  return true;
}

void ImageSpace::reserve(int64_t main_size, int64_t wal_size) {
  if (!fits(main_size, wal_size)) return;
  reserve(main_, main_size);
  reserve(wal_, wal_size);
}

void ImageSpace::reserve(Image& image, int64_t size) {
  if (!image.fd.valid()) image.fd.reset(::memfd_create("sync-node-image", MFD_CLOEXEC));
  if (!image.fd.valid() || size <= image.reserved) return;
  if (::fallocate(image.fd.get(), 0, 0, size) == 0) image.reserved = size;
}

bool ImageSpace::fill(Image& image, int fd, int64_t size, const std::function<bool()>& go_on) {
  if (!image.fd.valid()) return false;
  off_t offset = 0;
  while (offset < size) {
    if (!go_on()) break;
    const ssize_t part =
        ::sendfile(image.fd.get(), fd, &offset, static_cast<size_t>(std::min(kStep, size - offset)));
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) break;
  }
  // The descriptor's own position is where sendfile writes: back to the start for the next attempt.
  ::lseek(image.fd.get(), 0, SEEK_SET);
  return offset >= size && ::ftruncate(image.fd.get(), size) == 0;
}

}  // namespace syncnode::sqlite
