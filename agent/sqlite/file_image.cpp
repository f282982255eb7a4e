#include "sqlite/file_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace syncnode::sqlite {
namespace {

constexpr int64_t kStep = 1 << 20;  // how much may pass between two looks at the clock

}  // namespace

UniqueFd reserve_image(int64_t size) {
  UniqueFd image(::memfd_create("sync-node-image", MFD_CLOEXEC));
  if (image.valid() && size > 0 && ::fallocate(image.get(), 0, 0, size) != 0) image.reset();
  return image;
}

bool fill_image(const UniqueFd& image, int fd, int64_t size, Deadline until) {
  if (!image.valid() || ::ftruncate(image.get(), size) != 0) return false;
  off_t offset = 0;
  while (offset < size) {
    if (BootClock::now() >= until) return false;
    const ssize_t part =
        ::sendfile(image.get(), fd, &offset, static_cast<size_t>(std::min(kStep, size - offset)));
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return false;
  }
  return true;
}

}  // namespace syncnode::sqlite
