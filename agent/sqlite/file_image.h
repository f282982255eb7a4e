// Copies of a small source in memory (memfd), so that a snapshot needs neither lock nor luck after the first
// milliseconds. ImageSpace is the memory, kept from one attempt to the next: reserving it is most of the
// work, and what is left must be done faster than the application closes and opens its file. Refuses files
// above its limit. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace syncnode::sqlite {

class ImageSpace {
 public:
  explicit ImageSpace(int64_t limit) : limit_(limit) {}

  bool fits(int64_t main_size, int64_t wal_size) const { return main_size + wal_size <= limit_; }
  // Before anything is locked. Does nothing for what does not fit, or when memory is short.
  void reserve(int64_t main_size, int64_t wal_size);

  // Copies the first `size` bytes of `fd` and gives the image that size. False when they are not there any
  // more, memory is short, or `go_on`, asked every megabyte, says no.
  bool fill_main(int fd, int64_t size, const std::function<bool()>& go_on) {
    return fill(main_, fd, size, go_on);
  }
  bool fill_wal(int fd, int64_t size, const std::function<bool()>& go_on) {
    return fill(wal_, fd, size, go_on);
  }

  int main() const { return main_.fd.get(); }
  int wal() const { return wal_.fd.get(); }

 private:
  struct Image {
    UniqueFd fd;
    int64_t reserved = 0;
  };
  static void reserve(Image& image, int64_t size);
  static bool fill(Image& image, int fd, int64_t size, const std::function<bool()>& go_on);

  const int64_t limit_;
  Image main_;
  Image wal_;
};

}  // namespace syncnode::sqlite
