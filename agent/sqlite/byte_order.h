// Numbers as SQLite's files hold them: its database and WAL headers are big-endian (SQLite file format §1.3,
// §4.1).
#pragma once

#include <cstdint>

namespace syncnode::sqlite {

inline uint32_t big_endian_u32(const char* bytes) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace syncnode::sqlite
