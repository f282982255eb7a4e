// MountsFile: where the containers of this host kept their databases when root last looked, written for
// nodes, which may not ask Docker. So a node can tell that a container was recreated with another volume, and
// leave the old file alone. Holds names and paths, no secrets; everybody may read it. Refuses to be believed
// when it is old, or when others than root (or this very user) could have written it: then nothing is known.
// Plain values, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "docker/container_data.h"
#include "json/json.h"

namespace syncnode::docker {

// The timer looks every minute.
inline constexpr std::chrono::minutes kMountsOldAfter{5};

json::Json mounts_document(const std::vector<ContainerData>& containers);
// Atomically: who reads sees the old one or the new one, whole.
Status write_mounts_file(const std::string& path, std::string_view text);

struct MountsSeen {
  // By container; what it says of one that is not there is nothing.
  std::optional<std::vector<ContainerData>> containers;
  std::string why_not;  // a sentence when there is a file, but it cannot be believed
};
MountsSeen read_mounts_file(const std::string& path, BootClock::time_point now);

// kFailedPrecondition, with what to do, when the client's container keeps its database elsewhere than where
// the client was registered, or nowhere. `database` is a resolved path; a link that lies there now is not
// followed. `container` is "" for a client without one.
Status check_mount(const MountsSeen& seen, const std::string& client, const std::string& container,
                   const std::string& database);

}  // namespace syncnode::docker
