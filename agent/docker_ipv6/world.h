// Everything that one run looks at before it decides: the file, Docker, the network. Blocks; one thread.
#pragma once

#include "docker_ipv6/daemon_file.h"
#include "docker_ipv6/host.h"
#include "docker_ipv6/plan.h"

namespace syncnode::docker_ipv6 {

struct World {
  DaemonFile file;
  Installation docker;
  Engine engine;
  Network network;
};

Result<World> look_at_world();
Result<Plan> plan_enable(const World& world, const Wishes& wishes);

}  // namespace syncnode::docker_ipv6
