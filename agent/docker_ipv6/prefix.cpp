#include "docker_ipv6/prefix.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace syncnode::docker_ipv6 {
namespace {

constexpr char kExample[] = "write it like fd12:3456:789a::/64";

// Bits of `prefix` from `length` on set to zero.
Prefix cut(Prefix prefix, int length) {
  for (int bit = length; bit < 128; ++bit) {
    prefix.address[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  }
  prefix.length = length;
  return prefix;
}

}  // namespace

Result<Prefix> parse_prefix(std::string_view text) {
  const Error wrong{ErrorCode::kInvalidArgument, fmt::format("'{}' is not an IPv6 prefix", text), kExample};
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return wrong;
  const std::string_view digits = text.substr(slash + 1);
  Prefix prefix;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix.length);
  if (code != std::errc{} || end != digits.data() + digits.size()) return wrong;
  if (prefix.length < 0 || prefix.length > 128) return wrong;
  if (::inet_pton(AF_INET6, std::string(text.substr(0, slash)).c_str(), prefix.address.data()) != 1)
    return wrong;
  if (cut(prefix, prefix.length) != prefix) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("'{}' has bits set behind its {} bits", text, prefix.length),
                 fmt::format("did you mean '{}'?", to_string(cut(prefix, prefix.length)))};
  }
  return prefix;
}

std::string to_string(const Prefix& prefix) {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET6, prefix.address.data(), text, sizeof text);
  return fmt::format("{}/{}", text, prefix.length);
}

bool overlap(const Prefix& a, const Prefix& b) {
  const int shorter = std::min(a.length, b.length);
  return cut(a, shorter) == cut(b, shorter);
}

Status check_for_bridge(const Prefix& prefix) {
  auto refuse = [&](std::string_view why) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' {}", to_string(prefix), why), kExample};
  };
  if (prefix.length < 64 || prefix.length > 80) return refuse("is not of 64 to 80 bits");
  for (const char* reserved : {"2001:db8::/32", "fe80::/10", "ff00::/8", "::/16"}) {
    SN_ASSIGN(const Prefix taken, parse_prefix(reserved));
    if (overlap(prefix, taken)) return refuse(fmt::format("lies in {}, which is not for use", reserved));
  }
  return {};
}

Result<Prefix> draw_unique_local() {
  Prefix prefix{{0xfd}, 64};
  if (::getrandom(prefix.address.data() + 1, 5, 0) != 5) {
    return Error{ErrorCode::kUnavailable, fmt::format("no random numbers: {}", std::strerror(errno)),
                 "give --cidr PREFIX"};
  }
  return prefix;
}

}  // namespace syncnode::docker_ipv6
