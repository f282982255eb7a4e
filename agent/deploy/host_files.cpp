#include "deploy/host_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/hex.h"
#include "codec/sha256.h"
#include "config/small_file.h"

namespace syncnode::deploy {
namespace {

constexpr char kDraft[] = ".new";

Error failed(std::string_view doing, const std::string& path) {
  const int code = errno;
  return {code == EACCES || code == EPERM ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable,
          fmt::format("cannot {} '{}': {}", doing, path, std::strerror(code)),
          code == EACCES || code == EPERM ? "run the command with sudo"
                                          : "see to it, then run the command again"};
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// The rename is on the disk before anybody relies on it.
Status flush_folder(const std::string& path) {
  const UniqueFd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) return failed("flush", folder_of(path));
  return {};
}

Status write_all(const UniqueFd& file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", path);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Status make_folder(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return failed("make", path);
}

// Below a root the way there may be missing.
Status make_folders(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    SN_TRY(make_folder(path.substr(0, slash), 0755));
  }
  return make_folder(path, 0755);
}

}  // namespace

HostFiles::HostFiles(std::string root) : root_(std::move(root)) {
  while (root_.ends_with('/')) root_.pop_back();
}

Result<UniqueFd> HostFiles::prepare() const {
  SN_TRY(make_folders(folder()));
  SN_TRY(make_folder(admin_folder(), 0700));
  if (!admin_folder_is_right() && (::chown(admin_folder().c_str(), ::geteuid(), ::getegid()) != 0 ||
                                   ::chmod(admin_folder().c_str(), 0700) != 0)) {
    return failed("close", admin_folder());
  }
  UniqueFd lock(::open(folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.valid()) return failed("open", folder());
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
    SN_TRY(remove_drafts());
    return lock;
  }
  return Error{ErrorCode::kFailedPrecondition, fmt::format("another deploy works on '{}'", folder()),
               "wait until it has ended"};
}

// Of a deploy that was killed while it wrote; one that need not write that file again would leave it.
Status HostFiles::remove_drafts() const {
  for (const std::string& path :
       {credentials(), link(), environment(), node_environment('a'), node_environment('b'), restart_mark()}) {
    const std::string fresh = path + kDraft;
    if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return failed("remove", fresh);
  }
  return {};
}

bool HostFiles::admin_folder_is_right() const {
  struct stat facts {};
  return ::lstat(admin_folder().c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) &&
         facts.st_uid == ::geteuid() && (facts.st_mode & 07777) == 0700;
}

Result<FileState> look_at(const std::string& path) {
  FileState state;
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return state;
    return failed("look at", path);
  }
  state.exists = true;
  state.ours = facts.st_uid == ::geteuid();
  state.mode = facts.st_mode & 07777;
  if (S_ISLNK(facts.st_mode)) {
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
    if (length < 0) return failed("read", path);
    state.link_target.assign(target.data(), static_cast<size_t>(length));
    return state;
  }
  if (!S_ISREG(facts.st_mode)) {
    return Error{ErrorCode::kFailedPrecondition, fmt::format("'{}' is not a file", path), "move it away"};
  }
  SN_ASSIGN(state.text, config::read_small_file(path));
  return state;
}

Status write_atomically(const std::string& path, std::string_view text, unsigned mode) {
  // One name for all attempts: what a killed one left behind is replaced.
  const std::string fresh = path + kDraft;
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return failed("replace", fresh);
  const UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return failed("make", fresh);
  SN_TRY(write_all(file, text, fresh));
  if (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0) return failed("finish", fresh);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("replace", path);
  return flush_folder(path);
}

Status make_link(const std::string& path) {
  const std::string fresh = path + kDraft;
  if (::unlink(fresh.c_str()) != 0 && errno != ENOENT) return failed("replace", fresh);
  if (::symlink(kLinkTarget, fresh.c_str()) != 0) return failed("make", fresh);
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("replace", path);
  return flush_folder(path);
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("remove", path);
  return flush_folder(path);
}

Result<std::string> machine_of(const std::string& path) {
  const Error unusable{ErrorCode::kFailedPrecondition, fmt::format("'{}' does not name this machine", path),
                       "systemd-machine-id-setup makes one"};
  auto text = config::read_small_file(path);
  if (!text) return text.error().code == ErrorCode::kNotFound ? unusable : std::move(text).error();
  while (text->ends_with('\n')) text->pop_back();
  if (text->size() != 32 || !from_hex(*text)) return unusable;
  return to_hex(codec::sha256("sync-node machine " + *text));
}

}  // namespace syncnode::deploy
