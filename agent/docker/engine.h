// One GET of the Docker Engine's API over its socket. Refuses everything that would start, stop or change
// something. Never used by an agent: whoever may talk to that socket is root. Any thread; blocks until
// `deadline`.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace syncnode::docker {

inline constexpr char kSocket[] = "/var/run/docker.sock";

struct Answer {
  std::string status, body;  // "200"
};

// kPermissionDenied or kUnavailable: Docker cannot be asked.
Result<Answer> get(const std::string& path, const std::string& socket, Deadline deadline);

}  // namespace syncnode::docker
