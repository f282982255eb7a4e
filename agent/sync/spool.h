// Spool: what was read and is not shipped yet, so that a read transaction never waits for the network: a
// buffer, and a local file once that is full, so that many small tables need neither disk nor descriptors.
// Unlinked from birth: a crash leaves nothing behind. Written by one thread; after rewind() read by one
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace syncnode::sync {

class Spool {
 public:
  static constexpr size_t kBuffer = size_t{256} << 10;

  // Nothing is opened yet; a `directory` that cannot take the file is an error of append(). Up to `memory`
  // bytes are in memory alone.
  explicit Spool(std::string directory, size_t memory = kBuffer)
      : directory_(std::move(directory)), memory_(memory) {}

  Status append(std::string_view bytes);
  // Ends writing and goes back to the start; may be called again to read anew.
  Status rewind();
  // Up to `limit` bytes, empty at the end; borrowed until the next call, or, of one that is_in_memory(), as
  // long as the spool.
  Result<std::string_view> read(size_t limit);
  bool is_in_memory() const { return !fd_.valid(); }
  uint64_t size() const { return size_; }

 private:
  Status write_out();

  std::string directory_;
  size_t memory_;
  UniqueFd fd_;         // none while all of it fits the buffer
  std::string buffer_;  // not written yet; once reading from a file, what was read last
  bool reading_ = false;
  size_t offset_ = 0;  // of the next read, without a file
  uint64_t size_ = 0;
};

// Length-prefixed records on a spool.
Status append_record(Spool& spool, std::string_view bytes);

class RecordReader {
 public:
  explicit RecordReader(Spool& spool) : spool_(spool) {}
  // False at the end. `record` is borrowed until the next call.
  Result<bool> next(std::string_view& record);

 private:
  Status need(size_t bytes);

  Spool& spool_;
  std::string_view at_hand_;  // and not taken yet: of the spool's memory, or of the buffer
  std::string buffer_;        // of a spool with a file
};

}  // namespace syncnode::sync
