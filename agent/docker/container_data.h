// Where a container keeps its Open WebUI database, as a path on this host: from the mounts that the Docker
// Engine shows. A named volume and a bind mount will do; what lies inside the container will not, nor what a
// link leads to outside the mount: the container can put one there, and name any file of the host. Any
// thread; asking blocks until `deadline`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "docker/engine.h"

namespace syncnode::docker {

inline constexpr char kDataDirectory[] = "/app/backend/data";  // of Open WebUI, inside its container
inline constexpr char kDatabaseName[] = "webui.db";
inline constexpr char kContainerPrefix[] = "openwebui-";  // and the client's name

struct ContainerData {
  std::string container;
  Result<std::string> database;  // without links where they could be followed; or why there is none
};

// kNotFound: no such container. kFailedPrecondition: its data is not on a mount. kPermissionDenied or
// kUnavailable: Docker cannot be asked.
Result<std::string> database_of_container(const std::string& container, Deadline deadline,
                                          const std::string& socket = kSocket);

// The same from the engine's answer to GET /containers/NAME/json.
Result<std::string> database_of_description(const std::string& container, std::string_view description);

// Every container named openwebui-…, whatever its mounts, and every other one that has a mount where Open
// WebUI keeps its data; in the order of their names.
Result<std::vector<ContainerData>> all_container_data(Deadline deadline, const std::string& socket = kSocket);

}  // namespace syncnode::docker
