// Spool: an append-only local file between reading and shipping, so that a read transaction never waits for
// the network. Unlinked from birth: a crash leaves nothing behind. Written by one thread; after rewind() read
// by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace syncnode::sync {

class Spool {
 public:
  static Result<Spool> create(const std::string& directory);

  Status append(std::string_view bytes);
  // Ends writing and goes back to the start; may be called again to read anew.
  Status rewind();
  // Up to `limit` bytes, empty at the end; borrowed until the next call.
  Result<std::string_view> read(size_t limit);
  uint64_t size() const { return size_; }

 private:
  explicit Spool(UniqueFd fd) : fd_(std::move(fd)) {}
  Status write_out();

  UniqueFd fd_;
  std::string buffer_;  // not written yet; once reading, what was read last
  bool reading_ = false;
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
  std::string buffer_;
  size_t offset_ = 0;
};

}  // namespace syncnode::sync
