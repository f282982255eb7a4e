// FileFacts: what stat(2) says about a file, to prove later that nothing changed under a read that holds no
// lock. Refuses to judge a timestamp that is too young to tell two writes apart (unsettled_for). Any
// thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace syncnode::sqlite {

struct FileFacts {
  bool exists = false;
  dev_t device = 0;
  ino_t inode = 0;
  int64_t size = 0;
  int64_t modified = 0;  // nanoseconds of the wall clock
  int64_t changed = 0;
  bool regular = false;

  bool operator==(const FileFacts&) const = default;
  bool same_file(const FileFacts& other) const {
    return exists && other.exists && device == other.device && inode == other.inode;
  }
};

Result<FileFacts> facts_of(const std::string& path);  // absent is not an error
Result<FileFacts> facts_of(int fd);

// How long until these facts are old enough to betray the next write; 0 when they are. Timestamps come from a
// clock that ticks every few milliseconds, on some file systems every second: within a tick two writes look
// like one.
std::chrono::nanoseconds unsettled_for(const FileFacts& facts);

// How long nothing was written, for certain; 0 where that cannot be told.
std::chrono::nanoseconds quiet_for(const FileFacts& facts);

// Waits without a signal to wait for: the other side is a foreign process that tells us nothing.
void pause_for(std::chrono::nanoseconds wait);

}  // namespace syncnode::sqlite
