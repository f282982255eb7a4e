// Packed keys: row keys (codec/row_key.h) as the memory's blocks hold them. A key is needed whole, to delete
// its row in the copy and to find a row that moved, so it is not hashed; but what the position, the class and
// the shape of a UUID already say is left out. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace syncnode::memory {

// How a key is packed: three bits of a record's first byte.
enum class KeyForm : uint8_t {
  kBytes = 0,     // varint length, the key
  kPosition = 1,  // nothing: one integer, the position
  kUuid = 2,      // 16 bytes: one text of 36 characters, lower case
  kText = 3,      // varint length, bytes: one text
  kInteger = 4,   // zigzag varint: one integer
  kOrdinal = 5,   // 16 bytes, varint: any key of 20 bytes, as those of multisets
};
inline constexpr uint8_t kKeyForms = 6;

void append_varint(std::string& out, uint64_t value);
bool take_varint(std::string_view& in, uint64_t& value);
// Small numbers of either sign as small numbers. They wrap: they span all of int64.
inline uint64_t zigzag(uint64_t value) {
  return (value << 1) ^ (0 - (value >> 63));
}
inline uint64_t unzigzag(uint64_t coded) {
  return (coded >> 1) ^ (0 - (coded & 1));
}

KeyForm key_form(int64_t position, std::string_view key);
void append_packed_key(std::string& out, KeyForm form, std::string_view key);
// Replaces `key`; false when the bytes contradict the form.
bool take_packed_key(std::string_view& in, KeyForm form, int64_t position, std::string& key);

}  // namespace syncnode::memory
