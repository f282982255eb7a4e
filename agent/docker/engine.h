// What the Docker Engine says over its socket: one GET at a time, nothing else. Refuses to start, stop or
// change anything, and is never used by an agent: whoever may talk to that socket is root. Any thread; blocks
// until `deadline`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace syncnode::docker {

inline constexpr char kSocket[] = "/var/run/docker.sock";

struct Answer {
  std::string status, body;  // "200"
};

// kPermissionDenied or kUnavailable: Docker cannot be asked.
Result<Answer> get(const std::string& path, const std::string& socket, Deadline deadline);

// Letters, digits, '_', '.' and '-': what Docker lets a container be called.
bool is_container_name(std::string_view name);

// Of all containers, running or not, in the order of the alphabet. kPermissionDenied or kUnavailable: Docker
// cannot be asked.
Result<std::vector<std::string>> container_names(const std::string& socket, Deadline deadline);

// The engine's description of one container, a JSON text. kNotFound: there is none of this name.
Result<std::string> describe_container(const std::string& container, const std::string& socket,
                                       Deadline deadline);

}  // namespace syncnode::docker
