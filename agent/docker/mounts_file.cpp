#include "docker/mounts_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "host/source_path.h"

namespace syncnode::docker {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

constexpr size_t kMostBytes = 4u << 20;
constexpr char kBoottime[] = "boottime_seconds";  // CLOCK_BOOTTIME: the file does not outlive a boot either

Error failed(const char* what, const std::string& path) {
  const int why = errno;
  return {why == EACCES || why == EPERM ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable,
          fmt::format("{} '{}': {}", what, path, std::strerror(why)),
          "the directory must exist and be root's"};
}

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed("writing", path);
    text.remove_prefix(static_cast<size_t>(wrote));
  }
  return {};
}

std::optional<std::string> read_all(int fd) {
  std::string text;
  char buffer[8192];
  while (text.size() <= kMostBytes) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
  return std::nullopt;
}

// Could anybody but root, or this very user, have written it?
bool is_trusted(const struct stat& facts) {
  return S_ISREG(facts.st_mode) && (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
         (facts.st_uid == 0 || facts.st_uid == ::geteuid());
}

std::optional<std::vector<ContainerData>> containers_of(const json::Json& document) {
  const auto list = document.is_object() ? document.find("containers") : document.end();
  if (list == document.end() || !list->is_array()) return std::nullopt;
  std::vector<ContainerData> containers;
  for (const auto& one : *list) {
    auto name = json::string_member(one, "container_name");
    if (!name) return std::nullopt;
    auto path = json::string_member(one, "sqlite_path");
    const Error none{ErrorCode::kFailedPrecondition, json::string_member(one, "reason").value_or(""), ""};
    containers.push_back({std::move(*name), path ? Result<std::string>(std::move(*path)) : none});
  }
  return containers;
}

}  // namespace

json::Json mounts_document(const std::vector<ContainerData>& containers) {
  json::Json document;
  document["version"] = 1;
  document["taken_at"] = wall_clock_iso8601().substr(0, 19) + "Z";
  document[kBoottime] = duration_cast<seconds>(BootClock::now().time_since_epoch()).count();
  document["containers"] = json::Json::array();
  for (const auto& one : containers) {
    json::Json entry;
    entry["container_name"] = one.container;
    entry["sqlite_path"] = one.database ? json::Json(*one.database) : json::Json(nullptr);
    entry["reason"] = one.database ? json::Json(nullptr) : json::Json(one.database.error().message);
    document["containers"].push_back(std::move(entry));
  }
  return document;
}

Status write_mounts_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.valid()) return failed("creating", fresh);
  SN_TRY(write_all(file.get(), text, fresh));
  if (::fchmod(file.get(), 0644) != 0 || ::fsync(file.get()) != 0) return failed("writing", fresh);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("replacing", path);
  return {};
}

MountsSeen read_mounts_file(const std::string& path, BootClock::time_point now) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid() && errno == ENOENT) return {};
  struct stat facts {};
  if (!file.valid() || ::fstat(file.get(), &facts) != 0)
    return {std::nullopt, fmt::format("'{}' cannot be read: {}", path, std::strerror(errno))};
  if (!is_trusted(facts))
    return {std::nullopt, fmt::format("'{}' is not believed: others than root can write it", path)};
  const auto text = read_all(file.get());
  const auto document = text ? json::parse(*text) : Result<json::Json>(Error{});
  auto containers = document ? containers_of(*document) : std::nullopt;
  const auto taken = document ? json::integer_member(*document, kBoottime) : std::nullopt;
  if (!containers || !taken)
    return {std::nullopt, fmt::format("'{}' is not what sync-nodectl client inspect writes", path)};
  const auto age = duration_cast<seconds>(now.time_since_epoch()) - seconds(*taken);
  if (age > kMountsOldAfter || age < -kMountsOldAfter)
    return {std::nullopt,
            fmt::format("'{}' is old: nobody has looked at the containers for {} s", path, age.count())};
  return {std::move(containers), ""};
}

Status check_mount(const MountsSeen& seen, const std::string& client, const std::string& container,
                   const std::string& database) {
  if (!seen.containers || container.empty()) return {};
  const auto one = std::find_if(seen.containers->begin(), seen.containers->end(),
                                [&](const ContainerData& data) { return data.container == container; });
  if (one == seen.containers->end()) return {};  // it was removed; its file is what it was
  if (!one->database) {
    return Error{
        ErrorCode::kFailedPrecondition,
        fmt::format("'{}' is not seen to be the database of container '{}': {}", database, container,
                    one->database.error().message),
        fmt::format(
            "put that right; if its data never was on a volume, deregister client '{}' and register it "
            "with --sqlite-path and without --container",
            client)};
  }
  if (host::same_entry(*one->database, database)) return {};
  return Error{
      ErrorCode::kFailedPrecondition,
      fmt::format(
          "container '{}' keeps its database at '{}' now, not at '{}': it was recreated with another volume",
          container, *one->database, database),
      fmt::format("if that is right, sudo sync-nodectl client register {} --container {}", client,
                  container)};
}

}  // namespace syncnode::docker
