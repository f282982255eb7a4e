#include "sync/uuid.h"

#include <sys/random.h>

#include <cstdlib>

#include "base/hex.h"

namespace syncnode::sync {

std::string random_uuid() {
  std::string bytes(16, '\0');
  // Cannot fail for 16 bytes on a started kernel; a predictable id would be worse than an end.
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  std::string hex = to_hex(bytes);
  for (size_t at : {20U, 16U, 12U, 8U}) hex.insert(at, 1, '-');
  return hex;
}

}  // namespace syncnode::sync
