// What has to be changed in daemon.json so that Docker's default bridge has IPv6, and what speaks against it.
// Refuses to decide for an administrator: a value that somebody set otherwise is a conflict, not a mistake.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "docker_ipv6/daemon_text.h"
#include "docker_ipv6/prefix.h"
#include "docker_ipv6/version.h"

namespace syncnode::docker_ipv6 {

// The only keys this program ever writes or removes.
inline constexpr const char* kKeys[] = {"ipv6", "fixed-cidr-v6", "ip6tables", "experimental"};

struct Wishes {
  std::optional<Prefix> prefix;  // --cidr
  bool force = false;
};

struct Situation {
  std::optional<DockerVersion> version;  // nothing: Docker is not installed
  std::vector<std::string> flags;        // of dockerd, without the program
  std::vector<std::string> unread;       // where more of them may be
  std::string text;                      // of daemon.json; "" when there is none
  bool kernel_has_ipv6 = true;
  std::vector<Prefix> taken;               // addresses and routes of this host
  std::vector<std::string> advertised_on;  // interfaces whose default route a router advertised
  Prefix suggested;                        // for where a prefix is needed and nobody asked for one
};

struct Plan {
  std::vector<Change> changes;    // without the conflicts unless they are forced
  std::vector<Change> conflicts;  // what is there, what is needed
  std::vector<Error> refusals;    // why it cannot be done at all
  std::vector<std::string> warnings;
  bool takes_suggestion = false;  // the prefix among the changes is the suggested one

  bool is_possible() const { return conflicts.empty() && refusals.empty(); }
};

Result<Plan> plan_enable(const Situation& situation, const Wishes& wishes);

}  // namespace syncnode::docker_ipv6
