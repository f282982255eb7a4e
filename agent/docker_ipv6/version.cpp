#include "docker_ipv6/version.h"

#include <fmt/format.h>

#include <charconv>

namespace syncnode::docker_ipv6 {
namespace {

// Takes a number off the front; false when there is none.
bool take_number(std::string_view& text, int& number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc{}) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take_point(std::string_view& text) {
  if (text.empty() || text[0] != '.') return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<DockerVersion> parse_version(std::string_view text) {
  constexpr std::string_view kWords = "version ";
  const size_t at = text.find(kWords);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + kWords.size());
  DockerVersion version;
  if (!take_number(text, version.major) || !take_point(text) || !take_number(text, version.minor)) {
    return std::nullopt;
  }
  if (take_point(text)) static_cast<void>(take_number(text, version.patch));  // "24.0-rc1" has none, ignoring
  return version;
}

std::string to_string(const DockerVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

Needs needs_of(const DockerVersion& version) {
  if (version >= DockerVersion{28, 0, 0}) return {};
  if (version >= DockerVersion{27, 0, 0}) return {.prefix = true};
  return {.prefix = true, .ip6tables = true, .experimental = true};
}

bool can_validate(const DockerVersion& version) {
  return version >= DockerVersion{23, 0, 0};
}

const char* reason_against(const DockerVersion& version) {
  if (version < DockerVersion{20, 10, 0}) {
    return "it does not know 'ip6tables': containers would have IPv6 without a packet filter";
  }
  if (version < DockerVersion{20, 10, 2}) return "20.10.0 and 20.10.1 crash with 'ip6tables'";
  return nullptr;
}

}  // namespace syncnode::docker_ipv6
