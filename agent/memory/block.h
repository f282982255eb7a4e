// Block: some hundred records of the memory, sorted by (position, key), packed (docs/FORMATS.md, "Local
// memory"). Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/row_hash.h"

namespace syncnode::memory {

// One row of the copy: where the source had it, its key, what its content hashed to.
struct Record {
  int64_t position = 0;
  std::string key;           // row key (codec/row_key.h)
  bool quarantined = false;  // some of its values live in _sync_quarantine
  codec::RowHash hash;
};

inline constexpr size_t kBlockBytes = size_t{12} * 1024;

// `key_is_position`: INTEGER PRIMARY KEY tables, whose key is left out and made again from the position.
void append_record(std::string& block, int64_t previous_position, const Record& record, bool key_is_position);

// Replaces `records`. kCorruption when the bytes contradict the format.
Status decode_block(std::string_view block, int64_t first_position, bool key_is_position,
                    std::vector<Record>& records);

}  // namespace syncnode::memory
