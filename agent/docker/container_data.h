// Where a container keeps its data on this host, asked of the Docker Engine over its socket: one GET, nothing
// else. Refuses to start, stop or change anything, and is never used by an agent: whoever may talk to that
// socket is root. Any thread; blocks until `deadline`.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "docker/engine.h"

namespace syncnode::docker {

inline constexpr char kDataDirectory[] = "/app/backend/data";  // of Open WebUI, inside its container

// The path on this host of `kDataDirectory`/webui.db. kNotFound: no such container. kFailedPrecondition: its
// data is not on a mount. kPermissionDenied or kUnavailable: Docker cannot be asked.
Result<std::string> database_of_container(const std::string& container, Deadline deadline,
                                          const std::string& socket = kSocket);

// The same from the engine's answer to GET /containers/NAME/json.
Result<std::string> database_of_description(const std::string& container, std::string_view description);

}  // namespace syncnode::docker
