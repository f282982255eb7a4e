// Hexadecimal text of bytes, lower case, as PostgreSQL's encode(…, 'hex') writes it. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace syncnode {

std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view text);  // nothing when not whole pairs of hex digits

}  // namespace syncnode
