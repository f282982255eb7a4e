#include "peer/node_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace syncnode::peer {
namespace {

constexpr int kTries = 10;  // each loses only to somebody who replaces the file at that very moment

Error failure(const std::string& path, const char* what) {
  return {ErrorCode::kFailedPrecondition, fmt::format("cannot {} '{}': {}", what, path, std::strerror(errno)),
          "the state directory must exist and belong to this node's user"};
}

Error held_by(const std::string& path, pid_t pid) {
  return {ErrorCode::kFailedPrecondition,
          fmt::format("'{}' is held by the process {}: this node runs already", path, pid),
          "stop the other process, or start this one under the other node's name"};
}

struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

// The path still leads to the file that is locked.
bool is_at(int file, const std::string& path) {
  struct stat locked {
  }, named{};
  return ::fstat(file, &locked) == 0 && ::lstat(path.c_str(), &named) == 0 && locked.st_dev == named.st_dev &&
         locked.st_ino == named.st_ino;
}

std::string content(int file) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::pread(file, buffer.data(), buffer.size(), 0);
  return {buffer.data(), got > 0 ? static_cast<size_t>(got) : 0};
}

}  // namespace

std::string lock_path(const std::string& directory, const std::string& name) {
  return directory + "/" + name + ".lock";
}

Result<NodeLock> NodeLock::take(const std::string& directory, const std::string& name,
                                const NodeFacts& facts) {
  const std::string path = lock_path(directory, name);
  for (int i = 0; i < kTries; ++i) {
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0640));
    if (!file.valid()) return failure(path, "open");
    struct stat status {};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
      errno = EINVAL;
      return failure(path, "lock");
    }
    struct flock lock = whole_file(F_WRLCK);
    if (::fcntl(file.get(), F_SETLK, &lock) != 0) {
      if (errno != EAGAIN && errno != EACCES) return failure(path, "lock");
      lock = whole_file(F_WRLCK);
      // Gone in between: ask again.
      if (::fcntl(file.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) continue;
      return held_by(path, lock.l_pid);
    }
    if (!is_at(file.get(), path)) continue;
    NodeLock held(std::move(file));
    held.previous_ = from_line(content(held.file_.get()));
    // A copied state directory holds the line of a process that may well live.
    if (held.previous_ && held.previous_->inode != status.st_ino) held.previous_.reset();
    SN_TRY(held.publish(facts));
    return held;
  }
  return Error{ErrorCode::kFailedPrecondition, fmt::format("'{}' is being replaced all the time", path), ""};
}

Status NodeLock::publish(const NodeFacts& facts) {
  NodeFacts bound = facts;
  struct stat status {};
  if (::fstat(file_.get(), &status) == 0) bound.inode = status.st_ino;
  const std::string line = to_line(bound);
  // Empty first: whoever reads in between sees nothing rather than a mixture.
  const bool written = ::ftruncate(file_.get(), 0) == 0 && ::pwrite(file_.get(), line.data(), line.size(),
                                                                    0) == static_cast<ssize_t>(line.size());
  if (written) return {};
  return Error{ErrorCode::kResourceExhausted,
               fmt::format("cannot write the lock file of this node: {}", std::strerror(errno)),
               "see that the state directory has room"};
}

}  // namespace syncnode::peer
