#include "http/host_names.h"

#include <algorithm>

#include "http/message.h"

namespace syncnode::http {
namespace {

constexpr size_t kLongestPort = 5;

// "name:80" → "name", "[::1]:80" → "[::1]"; "" when what follows is no port.
std::string_view without_port(std::string_view host) {
  const size_t from = host.starts_with('[') ? std::min(host.find(']'), host.size()) : 0;
  const size_t colon = host.find(':', from);
  if (colon == std::string_view::npos) return host;
  const std::string_view port = host.substr(colon + 1);
  const bool digits = std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits && port.size() <= kLongestPort ? host.substr(0, colon) : std::string_view();
}

}  // namespace

HostNames::HostNames(const std::vector<std::string>& more) : names_{"localhost", "127.0.0.1", "[::1]"} {
  names_.insert(names_.end(), more.begin(), more.end());
}

bool HostNames::allows(std::string_view host) const {
  const std::string_view name = without_port(host);
  return !name.empty() && std::any_of(names_.begin(), names_.end(), [&](const std::string& known) {
    return equal_without_case(known, name);
  });
}

}  // namespace syncnode::http
