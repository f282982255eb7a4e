// Big-endian integers in byte strings, as PostgreSQL's binary formats and our own key format write them.
#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <string>
#include <string_view>

namespace syncnode::codec {

template <std::unsigned_integral T>
constexpr T to_big_endian(T value) {
  if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bswap16(value);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bswap32(value);
  } else {
    return __builtin_bswap64(value);
  }
}

template <std::unsigned_integral T>
void append_big_endian(std::string& out, T value) {
  T swapped = to_big_endian(value);
  char bytes[sizeof swapped];
  std::memcpy(bytes, &swapped, sizeof swapped);
  out.append(bytes, sizeof bytes);
}

// The caller has checked that sizeof(T) bytes are there.
template <std::unsigned_integral T>
T read_big_endian(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return to_big_endian(value);
}

}  // namespace syncnode::codec
