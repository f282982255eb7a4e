#include "config/small_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace syncnode::config {
namespace {

constexpr size_t kMostBytes = 1 << 20;

Error file_error(const std::string& path, int code) {
  ErrorCode kind = code == ENOENT                    ? ErrorCode::kNotFound
                   : code == EACCES || code == EPERM ? ErrorCode::kPermissionDenied
                                                     : ErrorCode::kUnavailable;
  std::string hint = code == ENOENT ? "check the path" : code == EACCES ? "run the command with sudo" : "";
  return {kind, fmt::format("cannot read '{}': {}", path, std::strerror(code)), std::move(hint)};
}

}  // namespace

Result<std::string> read_small_file(const std::string& path) {
  UniqueFd opened;
  int fd = STDIN_FILENO;
  if (path != "-") {
    opened.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened.valid()) return file_error(path, errno);
    fd = opened.get();
  }
  std::string text;
  char buffer[4096];
  while (true) {
    ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(path, errno);
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > kMostBytes) {
      return Error{ErrorCode::kResourceExhausted, fmt::format("'{}' is larger than 1 MiB", path),
                   "give the file that was meant"};
    }
  }
}

Status check_private(const std::string& path, Readers readers) {
  struct stat facts {};
  if (path == "-" || ::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};
  bool owner_only = readers == Readers::kOwner;
  if ((facts.st_mode & (owner_only ? S_IRWXG | S_IRWXO : S_IRWXO)) == 0) return {};
  return Error{ErrorCode::kFailedPrecondition,
               fmt::format("'{}' holds a password and has mode {:04o}, so others can use it", path,
                           facts.st_mode & 07777),
               fmt::format("chmod {} '{}'", owner_only ? "600" : "640", path)};
}

}  // namespace syncnode::config
