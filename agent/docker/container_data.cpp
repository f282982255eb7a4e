#include "docker/container_data.h"

#include <fmt/format.h>

#include <optional>

#include "host/source_path.h"
#include "json/json.h"

namespace syncnode::docker {
namespace {

struct Mount {
  std::string destination, source;  // inside, on this host
};

std::vector<Mount> mounts_of(const json::Json& description) {
  std::vector<Mount> found;
  const auto mounts = description.is_object() ? description.find("Mounts") : description.end();
  if (mounts == description.end() || !mounts->is_array()) return found;
  for (const auto& mount : *mounts) {
    auto source = json::string_member(mount, "Source");  // a tmpfs has none
    auto destination = json::string_member(mount, "Destination");
    if (source && destination && !source->empty())
      found.push_back({std::move(*destination), std::move(*source)});
  }
  return found;
}

// What of `path` lies behind `directory`, with its slash; nothing when it lies elsewhere.
std::optional<std::string> behind(const std::string& path, std::string directory) {
  while (directory.ends_with('/')) directory.pop_back();
  if (!path.starts_with(directory)) return std::nullopt;
  const std::string rest = path.substr(directory.size());
  if (!rest.empty() && rest[0] != '/') return std::nullopt;
  return rest;
}

Error not_on_a_mount(const std::string& container) {
  return {ErrorCode::kFailedPrecondition,
          fmt::format("container '{}' keeps {} inside itself, not on a volume", container, kDataDirectory),
          fmt::format("mount a volume at {}, or register it with --sqlite-path FILE and without --container",
                      kDataDirectory)};
}

// Docker made the mount what it is; what lies on it is the container's. What cannot be followed from here
// stays as it is: whoever reads it says why, or sees a link by himself.
Result<std::string> without_links(const std::string& container, const std::string& mount,
                                  const std::string& database) {
  const auto real = host::real_path(database);
  const auto real_mount = host::real_path(mount);
  if (!real || !real_mount) return database;
  if (host::lies_in(*real, *real_mount)) return *real;
  return Error{ErrorCode::kFailedPrecondition,
               fmt::format("container '{}' has a link at '{}' that leads out of its mount, to '{}'",
                           container, database, *real),
               "see who put it there; the database must be a file on the container's own mount"};
}

}  // namespace

Result<std::string> database_of_description(const std::string& container, std::string_view description) {
  auto document = json::parse(description);
  if (!document) return std::move(document).error().with_context("Docker's description of the container");
  const std::string database = fmt::format("{}/{}", kDataDirectory, kDatabaseName);
  const Mount* nearest = nullptr;
  const auto mounts = mounts_of(*document);
  for (const Mount& mount : mounts) {
    if (!behind(database, mount.destination)) continue;
    if (nearest == nullptr || mount.destination.size() > nearest->destination.size()) nearest = &mount;
  }
  if (nearest == nullptr) return not_on_a_mount(container);
  const std::string rest = *behind(database, nearest->destination);
  if (!rest.empty()) return without_links(container, nearest->source, nearest->source + rest);
  return Error{ErrorCode::kFailedPrecondition,
               fmt::format("container '{}' has {} alone mounted; its log lies inside the container",
                           container, database),
               fmt::format("mount a directory at {}", kDataDirectory)};
}

Result<std::string> database_of_container(const std::string& container, Deadline deadline,
                                          const std::string& socket) {
  SN_ASSIGN(const auto description, describe_container(container, socket, deadline));
  return database_of_description(container, description);
}

Result<std::vector<ContainerData>> all_container_data(Deadline deadline, const std::string& socket) {
  SN_ASSIGN(const auto names, container_names(socket, deadline));
  std::vector<ContainerData> all;
  for (const std::string& name : names) {
    auto database = database_of_container(name, deadline, socket);
    if (!database && database.error().code == ErrorCode::kNotFound) continue;  // removed a moment ago
    if (!database && database.error().code != ErrorCode::kFailedPrecondition)
      return std::move(database).error();
    if (database || name.starts_with(kContainerPrefix)) all.push_back({name, std::move(database)});
  }
  return all;
}

}  // namespace syncnode::docker
