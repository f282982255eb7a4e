// RowHash: 128 bits that stand for the content of a row in the local memory. The sum of one seeded XXH3 per
// non-NULL column, so it does not depend on column order, an added column of NULLs does not change it, and a
// value that lives in quarantine can be added apart. The seed is random per memory: nobody can aim for a
// collision. Any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "model/value.h"

namespace syncnode::codec {

struct RowHash {
  uint64_t low = 0;
  uint64_t high = 0;

  bool operator==(const RowHash&) const = default;
  RowHash& operator+=(const RowHash& other) {
    low += other.low;
    high += other.high;
    return *this;
  }
  RowHash& operator-=(const RowHash& other) {
    low -= other.low;
    high -= other.high;
    return *this;
  }
};

inline constexpr size_t kRowHashBytes = 16;

RowHash column_hash(uint64_t seed, uint32_t column_id, const ValueView& value);
RowHash bytes_hash(uint64_t seed, std::string_view bytes);

// One row as an element of a table's order-independent content hash: key and content bound together.
RowHash entry_hash(uint64_t seed, std::string_view key, const RowHash& row);

void append_row_hash(std::string& out, const RowHash& hash);
RowHash read_row_hash(const char* bytes);  // kRowHashBytes
std::string to_hex(const RowHash& hash);

}  // namespace syncnode::codec
