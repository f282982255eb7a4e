// StoredHash: what the memory keeps of a row's hash. The memory only answers "is this row still what was
// shipped?", asked of rows that probably are; 48 bits, under a seed that nobody outside knows, overlook one
// in 2^48 changed rows (at a million changed rows a day: one in 770,000 years). The recheck (--full)
// compares source and copy by 128 bits and does not come here. Plain data; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/row_hash.h"

namespace syncnode::memory {

inline constexpr int kStoredHashBits = 48;
inline constexpr size_t kStoredHashBytes = kStoredHashBits / 8;

struct StoredHash {
  uint64_t bits = 0;

  StoredHash() = default;
  // Every hash of a row that comes into the memory is cut here, so that two of them can be compared.
  // NOLINTNEXTLINE(google-explicit-constructor)
  StoredHash(const codec::RowHash& hash) : StoredHash(hash.low) {}
  explicit StoredHash(uint64_t hash) : bits(hash & kMask) {}

  // Surely not the hash of the same content: marks a row of the copy that is known to differ.
  StoredHash other() const { return StoredHash(~bits); }
  codec::RowHash row_hash() const { return {bits, 0}; }
  bool operator==(const StoredHash&) const = default;

 private:
  static constexpr uint64_t kMask = (uint64_t{1} << kStoredHashBits) - 1;
};

inline void append_stored_hash(std::string& out, StoredHash hash) {
  char bytes[kStoredHashBytes];
  for (size_t i = 0; i < kStoredHashBytes; ++i)
    bytes[i] = static_cast<char>(hash.bits >> (kStoredHashBits - 8 * (i + 1)));
  out.append(bytes, kStoredHashBytes);
}

// `bytes`: kStoredHashBytes of them.
inline StoredHash read_stored_hash(std::string_view bytes) {
  uint64_t bits = 0;
  for (size_t i = 0; i < kStoredHashBytes; ++i) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  return StoredHash(bits);
}

}  // namespace syncnode::memory
