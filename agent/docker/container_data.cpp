#include "docker/container_data.h"

#include <fmt/format.h>

#include "json/json.h"

namespace syncnode::docker {
namespace {

bool is_container_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || name[0] == '.' || name[0] == '-') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
         std::string_view::npos;
}

}  // namespace

Result<std::string> database_of_description(const std::string& container, std::string_view description) {
  auto document = json::parse(description);
  if (!document) return std::move(document).error().with_context("Docker's description of the container");
  auto mounts = document->is_object() ? document->find("Mounts") : document->end();
  if (mounts != document->end() && mounts->is_array()) {
    for (const auto& mount : *mounts) {
      auto source = json::string_member(mount, "Source");
      if (json::string_member(mount, "Destination") == kDataDirectory && source && !source->empty()) {
        return *source + "/webui.db";
      }
    }
  }
  return Error{
      ErrorCode::kFailedPrecondition,
      fmt::format("container '{}' keeps {} inside itself, not on a volume", container, kDataDirectory),
      fmt::format("mount a volume at {}, or give --sqlite-path FILE", kDataDirectory)};
}

Result<std::string> database_of_container(const std::string& container, Deadline deadline,
                                          const std::string& socket) {
  if (!is_container_name(container)) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is not a container name", container),
                 "docker ps shows the names"};
  }
  SN_ASSIGN(auto answer, get(fmt::format("/containers/{}/json", container), socket, deadline));
  if (answer.status == "200") return database_of_description(container, answer.body);
  if (answer.status == "404") {
    return Error{ErrorCode::kNotFound, fmt::format("there is no container '{}'", container),
                 "docker ps -a shows all"};
  }
  return Error{ErrorCode::kUnavailable, fmt::format("Docker answered with status {}", answer.status), ""};
}

}  // namespace syncnode::docker
