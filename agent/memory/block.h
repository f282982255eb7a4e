// Block: some hundred records of the memory, sorted by (position, key), packed (docs/FORMATS.md, "Local
// memory"). Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory/stored_hash.h"

namespace syncnode::memory {

// One row of the copy: where the source had it, its key, what its content hashed to.
struct Record {
  int64_t position = 0;
  std::string key;           // row key (codec/row_key.h)
  bool quarantined = false;  // some of its values live in _sync_quarantine
  StoredHash hash;
};

// A block is closed by the record that reaches this size. With the row around it, a block of this size fills
// an overflow page of 4096 bytes to the brim and leaves the least there can be to the b-tree's leaf: any
// other size wastes a part of a page per block. A changed row costs the reading and writing of its block.
inline constexpr size_t kBlockBytes = 4092 + 489;

void append_record(std::string& block, int64_t previous_position, const Record& record);

// Replaces `records`. kCorruption when the bytes contradict the format.
Status decode_block(std::string_view block, int64_t first_position, std::vector<Record>& records);

}  // namespace syncnode::memory
