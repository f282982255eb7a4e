#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace syncnode {
namespace {

bool continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

// Length of the valid sequence at p, 0 when there is none (Unicode 15, table 3-7).
size_t sequence_length(const unsigned char* p, size_t left) {
  unsigned char first = p[0];
  if (first < 0x80) return first == 0 ? 0 : 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (left < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!continuation(p[i])) return 0;
  }
  if (first == 0xE0 && p[1] < 0xA0) return 0;
  if (first == 0xED && p[1] > 0x9F) return 0;
  if (first == 0xF0 && p[1] < 0x90) return 0;
  if (first == 0xF4 && p[1] > 0x8F) return 0;
  return length;
}

// Eight bytes at once: all ASCII and none NUL (the usual case of JSON written with ensure_ascii).
bool plain_ascii(uint64_t word) {
  constexpr uint64_t kHigh = 0x8080808080808080ULL;
  constexpr uint64_t kOnes = 0x0101010101010101ULL;
  return ((word & kHigh) | ((word - kOnes) & kHigh)) == 0;
}

}  // namespace

bool is_postgres_text(std::string_view bytes) {
  const auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t left = bytes.size();
  while (left > 0) {
    uint64_t word = 0;
    if (left >= sizeof word) {
      std::memcpy(&word, p, sizeof word);
      if (plain_ascii(word)) {
        p += sizeof word;
        left -= sizeof word;
        continue;
      }
    }
    size_t length = sequence_length(p, left);
    if (length == 0) return false;
    p += length;
    left -= length;
  }
  return true;
}

std::string_view utf8_prefix(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && continuation(static_cast<unsigned char>(text[limit]))) --limit;
  return text.substr(0, limit);
}

}  // namespace syncnode
