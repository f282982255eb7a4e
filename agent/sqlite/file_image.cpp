#include "sqlite/file_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace syncnode::sqlite {
namespace {

constexpr int64_t kStep = 1 << 20;  // how much may pass between two questions whether to go on

}  // namespace

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
