// The URL of --remote: http(s)://HOST[:PORT], nothing behind it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace syncnode::cli {

struct RemoteUrl {
  bool tls = false;
  std::string host;      // without the brackets of an IPv6 address
  uint16_t port = 9443;  // API_PORT's default
};

Result<RemoteUrl> parse_remote_url(std::string_view text);

// Of this very host, by what is written alone: localhost, 127.…, ::1.
bool is_loopback(std::string_view host);

}  // namespace syncnode::cli
