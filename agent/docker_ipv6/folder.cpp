#include "docker_ipv6/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

namespace syncnode::docker_ipv6 {
namespace {

constexpr size_t kMostBytes = 1u << 20;

Error failure(std::string_view act, const std::string& path, int code) {
  ErrorCode kind = ErrorCode::kInternal;
  std::string hint;
  if (code == ENOENT) kind = ErrorCode::kNotFound;
  if (code == EACCES || code == EPERM) kind = ErrorCode::kPermissionDenied;
  if (code == EROFS || code == ENOSPC || code == EDQUOT) {
    kind = ErrorCode::kResourceExhausted;
    hint = "nothing was changed";
  }
  return {kind, fmt::format("{} '{}': {}", act, path, std::strerror(code)), hint};
}

bool only_root_writes(const struct stat& facts) {
  return facts.st_uid == 0 && (facts.st_mode & S_IWOTH) == 0 &&
         ((facts.st_mode & S_IWGRP) == 0 || facts.st_gid == 0);
}

// The next directory below `parent`, which must be root's alone.
Result<UniqueFd> step_into(int parent, const std::string& name, const std::string& path) {
  UniqueFd next(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!next.valid() && (errno == ELOOP || errno == ENOTDIR)) {
    return Error{ErrorCode::kFailedPrecondition, fmt::format("'{}' is not a directory, or a link", path),
                 "change daemon.json by hand"};
  }
  if (!next.valid()) return failure("opening", path, errno);
  struct stat facts {};
  if (::fstat(next.get(), &facts) != 0) return failure("looking at", path, errno);
  if (!only_root_writes(facts)) {
    return Error{ErrorCode::kFailedPrecondition, fmt::format("others than root can change '{}'", path),
                 fmt::format("chown root: {0} && chmod go-w {0}", path)};
  }
  return next;
}

Status write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return failure("writing", path, errno);
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return {};
}

Status copy_attributes(int from, int to, const std::string& path) {
  const ssize_t size = ::flistxattr(from, nullptr, 0);
  if (size < 0) return errno == ENOTSUP ? Status() : failure("reading the attributes of", path, errno);
  std::vector<char> names(static_cast<size_t>(size));
  const ssize_t got = ::flistxattr(from, names.data(), names.size());
  if (got < 0) return failure("reading the attributes of", path, errno);
  for (const char* name = names.data(); name < names.data() + got; name += std::strlen(name) + 1) {
    std::vector<char> value(65536);  // the kernel's limit
    const ssize_t bytes = ::fgetxattr(from, name, value.data(), value.size());
    if (bytes < 0 || ::fsetxattr(to, name, value.data(), static_cast<size_t>(bytes), 0) != 0) {
      return failure(fmt::format("copying '{}' of", name), path, errno);
    }
  }
  return {};
}

// Owner, mode and attributes.
Status look_alike(int from, int to, const std::string& path) {
  struct stat facts {};
  if (::fstat(from, &facts) != 0) return failure("looking at", path, errno);
  if (::fchown(to, facts.st_uid, facts.st_gid) != 0 || ::fchmod(to, facts.st_mode & 07777) != 0) {
    return failure("setting the owner of", path, errno);
  }
  return copy_attributes(from, to, path);
}

}  // namespace

Staged::Staged(Staged&& other) noexcept
    : folder_(other.folder_),
      name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, "")) {}

Staged::~Staged() {
  if (!temporary_.empty()) ::unlinkat(folder_, temporary_.c_str(), 0);
}

Status Staged::publish() {
  if (::renameat(folder_, temporary_.c_str(), folder_, name_.c_str()) != 0) {
    return failure("replacing", name_, errno);
  }
  temporary_.clear();
  if (::fsync(folder_) != 0) return failure("syncing the directory of", name_, errno);
  return {};
}

Result<Folder> Folder::open(const std::string& path) {
  UniqueFd here(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!here.valid()) return failure("opening", "/", errno);
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    SN_ASSIGN(here, step_into(here.get(), path.substr(begin, end - begin), path.substr(0, end)));
    begin = end + 1;
  }
  return Folder(std::move(here), path);
}

Result<Folder> Folder::create(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return failure("making", path, errno);
  return open(path);
}

bool Folder::is_link(const std::string& name) const {
  struct stat facts {};
  return ::fstatat(fd_.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(facts.st_mode);
}

Result<std::optional<std::string>> Folder::read(const std::string& name) const {
  const std::string path = path_ + "/" + name;
  const UniqueFd file(
      ::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.valid() && errno == ENOENT) return std::optional<std::string>();
  if (!file.valid()) return failure("opening", path, errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return failure("looking at", path, errno);
  const Error unfit{ErrorCode::kFailedPrecondition,
                    fmt::format("'{}' is not a regular file of at most 1 MiB", path), "look at it"};
  if (!S_ISREG(facts.st_mode)) return unfit;
  std::string bytes;
  char buffer[65536];
  while (true) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure("reading", path, errno);
    if (got == 0) return std::optional(std::move(bytes));
    bytes.append(buffer, static_cast<size_t>(got));
    if (bytes.size() > kMostBytes) return unfit;
  }
}

Result<Staged> Folder::stage(const std::string& name, const std::string& bytes,
                             const std::string& like) const {
  // The name is fixed: what a killed run left is found, and taken away, by the next one.
  Staged staged(fd_.get(), name, "." + name + ".new");
  const std::string path = path_ + "/" + staged.temporary();
  ::unlinkat(fd_.get(), staged.temporary().c_str(), 0);
  const UniqueFd file(::openat(fd_.get(), staged.temporary().c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return failure("writing", path, errno);
  SN_TRY(write_all(file.get(), bytes, path));
  const UniqueFd model(::openat(fd_.get(), like.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (model.valid()) {
    SN_TRY(look_alike(model.get(), file.get(), path));
  } else if (::fchmod(file.get(), 0644) != 0) {
    return failure("setting the mode of", path, errno);
  }
  if (::fsync(file.get()) != 0) return failure("syncing", path, errno);
  return staged;
}

Status Folder::write(const std::string& name, const std::string& bytes, const std::string& like) const {
  SN_ASSIGN(Staged staged, stage(name, bytes, like));
  return staged.publish();
}

Status Folder::remove(const std::string& name) const {
  if (::unlinkat(fd_.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    return failure("removing", path_ + "/" + name, errno);
  }
  if (::fsync(fd_.get()) != 0) return failure("syncing", path_, errno);
  return {};
}

}  // namespace syncnode::docker_ipv6
