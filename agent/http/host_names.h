// HostNames: the names under which this node may be addressed. A request with another Host header comes from
// a page that points its own name at this machine (DNS rebinding), and is refused with 421. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syncnode::http {

class HostNames {
 public:
  // "localhost", "127.0.0.1" and "[::1]" are always among them. An IPv6 address is written in brackets.
  explicit HostNames(const std::vector<std::string>& more);

  // With or without a port; any port, since ports are forwarded.
  bool allows(std::string_view host) const;

 private:
  std::vector<std::string> names_;
};

}  // namespace syncnode::http
