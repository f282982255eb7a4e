// What this host is like: which Docker, how it is started, whether it runs, what the network holds already.
// Refuses to wake anything: a Docker that waits behind its socket is left asleep. Any thread; blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "docker_ipv6/prefix.h"
#include "docker_ipv6/version.h"

namespace syncnode::docker_ipv6 {

struct Installation {
  std::string program;                   // "" when there is no dockerd
  std::optional<DockerVersion> version;  // nothing: it did not say
  std::vector<std::string> flags;        // of the running one, else of its unit
  std::vector<std::string> unread;       // words of its unit that may hold more of them: "$DOCKER_OPTS"
  bool has_unit = false;                 // docker.service is known to systemd
  bool is_active = false;                // and has a process
};
Installation find_docker();

struct Engine {
  bool answers = false;
  std::optional<int64_t> containers;  // that run
  std::optional<bool> live_restore;
  std::optional<bool> bridge_ipv6;  // nothing: not known, or there is no default bridge
};
Engine ask_engine(const Installation& docker, const std::string& daemon_text);

struct Network {
  bool has_ipv6 = true;
  std::vector<Prefix> taken;
  std::vector<std::string> advertised_on;
};
Network look_at_network();

// Does dockerd take the file at `path`? Blocks only what it takes to be worse than `old_path` ("": no file).
Status validate(const Installation& docker, const std::string& path, const std::string& old_path);

struct Restart {
  bool again = false;     // after a failed start
  bool answered = false;  // so it is waited until it does again; else systemd's word has to do
};
// kDeadlineExceeded: it takes longer than we wait, and systemd does not call it failed.
Status restart(const Installation& docker, const std::string& daemon_text, const Restart& how);

}  // namespace syncnode::docker_ipv6
