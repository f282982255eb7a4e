#include "codec/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace syncnode::codec {

std::string sha256(std::string_view bytes) {
  static const EVP_MD* const kAlgorithm = EVP_sha256();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  // Fails only without memory: nothing sensible can follow.
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &length, kAlgorithm, nullptr) != 1) std::abort();
  return {reinterpret_cast<const char*>(digest), length};
}

}  // namespace syncnode::codec
