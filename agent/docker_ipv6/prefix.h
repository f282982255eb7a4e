// An IPv6 prefix in its canonical form: host bits zero, written as inet_ntop does. Pure, but for the random
// bits of a new one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace syncnode::docker_ipv6 {

struct Prefix {
  std::array<uint8_t, 16> address{};
  int length = 0;

  bool operator==(const Prefix&) const = default;
};

// "fd12:3456::/64". kInvalidArgument: not a prefix, or with bits set behind its length.
Result<Prefix> parse_prefix(std::string_view text);
std::string to_string(const Prefix& prefix);
bool overlap(const Prefix& a, const Prefix& b);

// May Docker's default bridge have it? Of 64 to 80 bits, not of the documentation's 2001:db8::/32, not
// link-local, multicast or loopback.
Status check_for_bridge(const Prefix& prefix);

// A unique local /64 with 40 random bits (RFC 4193).
Result<Prefix> draw_unique_local();

}  // namespace syncnode::docker_ipv6
