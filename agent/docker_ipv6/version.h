// The version of the Docker Engine, and what it needs before its default bridge has IPv6. `dockerd
// --validate` accepts files that stop Docker from starting (and does not exist before 23.0), so these rules
// are ours:
//
//   before 20.10    ip6tables is not known: such a Docker is refused
//   20.10 to 26     ipv6, fixed-cidr-v6, ip6tables; and experimental, because ip6tables needs it
//   27              ipv6, fixed-cidr-v6; ip6tables is on by itself
//   28 and newer    ipv6; a prefix is taken from the default pool
//
// Pure.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace syncnode::docker_ipv6 {

struct DockerVersion {
  int major = 0, minor = 0, patch = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes what the compiler writes here for a 0
  auto operator<=>(const DockerVersion&) const = default;
};

// Of "Docker version 20.10.24+dfsg1, build 297e128", what `dockerd --version` says.
std::optional<DockerVersion> parse_version(std::string_view text);
std::string to_string(const DockerVersion& version);

struct Needs {
  bool prefix = false, ip6tables = false, experimental = false;
};
Needs needs_of(const DockerVersion& version);
bool can_validate(const DockerVersion& version);           // knows --validate
const char* reason_against(const DockerVersion& version);  // nullptr: none

}  // namespace syncnode::docker_ipv6
