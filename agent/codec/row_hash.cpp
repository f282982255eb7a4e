#include "codec/row_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/hex.h"
#include "codec/bytes.h"

namespace syncnode::codec {
namespace {

constexpr uint64_t kColumnPrime = 0x9E3779B97F4A7C15ULL;

RowHash of(const XXH128_hash_t& hash) {
  return {hash.low64, hash.high64};
}

}  // namespace

RowHash column_hash(uint64_t seed, uint32_t column_id, const ValueView& value) {
  if (value.is_null()) return {};
  uint64_t tag = (uint64_t{column_id} << 3 | static_cast<uint64_t>(value.storage_class)) + 1;
  uint64_t tagged_seed = seed ^ (tag * kColumnPrime);
  if (value.storage_class == StorageClass::kText || value.storage_class == StorageClass::kBlob) {
    return of(XXH3_128bits_withSeed(value.bytes.data(), value.bytes.size(), tagged_seed));
  }
  char bits[8];
  if (value.storage_class == StorageClass::kInteger) {
    std::memcpy(bits, &value.integer, sizeof bits);
  } else {
    std::memcpy(bits, &value.real, sizeof bits);
  }
  return of(XXH3_128bits_withSeed(bits, sizeof bits, tagged_seed));
}

RowHash bytes_hash(uint64_t seed, std::string_view bytes) {
  return of(XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed));
}

RowHash entry_hash(uint64_t seed, std::string_view key, const RowHash& row) {
  RowHash key_hash = bytes_hash(seed, key);
  uint64_t words[4] = {key_hash.low, key_hash.high, row.low, row.high};
  return of(XXH3_128bits_withSeed(words, sizeof words, seed));
}

void append_row_hash(std::string& out, const RowHash& hash) {
  append_big_endian(out, hash.high);
  append_big_endian(out, hash.low);
}

RowHash read_row_hash(const char* bytes) {
  return {read_big_endian<uint64_t>(bytes + 8), read_big_endian<uint64_t>(bytes)};
}

std::string to_hex(const RowHash& hash) {
  std::string bytes;
  append_row_hash(bytes, hash);
  return syncnode::to_hex(bytes);
}

}  // namespace syncnode::codec
