// A copy of an open file in memory (memfd), so that a snapshot of a small file needs neither lock nor luck
// after the first milliseconds. Refuses files that do not fit the caller's limit: that is the caller's check.
// Any thread.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace syncnode::sqlite {

// Memory for `size` bytes. Half of the work of a copy, so it is done before a lock is taken; an invalid
// descriptor when memory is short.
UniqueFd reserve_image(int64_t size);

// Fills the image with the first `size` bytes of `fd` and gives it that size. False when they are not there
// any more, memory is short, or `until` has passed.
bool fill_image(const UniqueFd& image, int fd, int64_t size, Deadline until);

}  // namespace syncnode::sqlite
