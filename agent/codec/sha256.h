// SHA-256, for what is stored in the copy and must not depend on a local secret. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace syncnode::codec {

std::string sha256(std::string_view bytes);  // 32 bytes

}  // namespace syncnode::codec
