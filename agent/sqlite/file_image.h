// A copy of an open file in memory (memfd), so that a snapshot of a small file needs neither lock nor luck
// after the first milliseconds. Refuses files that do not fit the caller's limit: that is the caller's check.
// Any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace syncnode::sqlite {

// The first `size` bytes of `fd`; nothing when they are not there any more, memory is short, or `until` has
// passed.
std::optional<UniqueFd> copy_to_memory(int fd, int64_t size, Deadline until);

}  // namespace syncnode::sqlite
