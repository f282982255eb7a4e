#include "sqlite/file_image.h"

#include <sys/mman.h>
#include <sys/sendfile.h>

#include <algorithm>
#include <cerrno>

namespace syncnode::sqlite {
namespace {

constexpr int64_t kStep = 1 << 20;  // how much may pass between two looks at the clock

}  // namespace

std::optional<UniqueFd> copy_to_memory(int fd, int64_t size, Deadline until) {
  UniqueFd image(::memfd_create("sync-node-image", MFD_CLOEXEC));
  if (!image.valid()) return std::nullopt;
  off_t offset = 0;
  while (offset < size) {
    if (BootClock::now() >= until) return std::nullopt;
    const ssize_t part =
        ::sendfile(image.get(), fd, &offset, static_cast<size_t>(std::min(kStep, size - offset)));
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return std::nullopt;
  }
  return image;
}

}  // namespace syncnode::sqlite
