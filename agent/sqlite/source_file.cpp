#include "sqlite/source_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sqlite/ofd_lock.h"

namespace syncnode::sqlite {
namespace {

constexpr std::chrono::milliseconds kJournalPause{20};  // more than a tick of the file system's clock
constexpr std::string_view kMagic{"SQLite format 3\0", 16};

Error refused(const std::string& path, const std::string& why, const std::string& hint) {
  return Error{ErrorCode::kFailedPrecondition, "'" + path + "' " + why, hint};
}

Error failed(const std::string& path, int number) {
  ErrorCode code = ErrorCode::kUnavailable;
  if (number == EACCES || number == EPERM) code = ErrorCode::kPermissionDenied;
  if (number == ENOENT || number == ENOTDIR) code = ErrorCode::kNotFound;
  if (number == ELOOP) return refused(path, "is a symbolic link, or lies behind one", "name the file itself");
  return Error{code, "opening '" + path + "': " + std::strerror(number), ""};
}

Result<SourceIdentity> identity_of(const std::string& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &status) != 0) {
    return failed(path, errno);
  }
  SourceIdentity identity;
  identity.inode = status.stx_ino;
  if (status.stx_mask & STATX_BTIME) {
    identity.birth_nanoseconds = status.stx_btime.tv_sec * int64_t{1'000'000'000} + status.stx_btime.tv_nsec;
  }
  return identity;
}

// A directory of the path may have become a link since the path was resolved.
int open_without_links(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  if (!path.starts_with("/proc/")) {
    struct open_how how {};
    how.flags = kFlags;
    how.resolve = RESOLVE_NO_SYMLINKS;
    const long fd = ::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how);
    if (fd >= 0 || errno != ENOSYS) return static_cast<int>(fd);  // Linux 5.6
  }
  return ::open(path.c_str(), kFlags);
}

}  // namespace

std::string SourceIdentity::to_string() const {
  return std::to_string(inode) + ":" + std::to_string(birth_nanoseconds);
}

Result<UniqueFd> open_for_reading(const std::string& path) {
  UniqueFd fd(open_without_links(path));
  if (!fd.valid()) {
    if (errno == ENOENT) return fd;
    return failed(path, errno);
  }
  SN_ASSIGN(const FileFacts facts, facts_of(fd.get()));
  if (!facts.regular) return refused(path, "is not a regular file", "name the database file itself");
  return fd;
}

ssize_t read_fully(int fd, void* buffer, size_t size, off_t offset) {
  size_t got = 0;
  while (got < size) {
    const ssize_t part =
        ::pread(fd, static_cast<char*>(buffer) + got, size - got, offset + static_cast<off_t>(got));
    if (part == 0) break;
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return -1;
    got += static_cast<size_t>(part);
  }
  return static_cast<ssize_t>(got);
}

SourceFile::SourceFile(std::string path, UniqueFd fd, SourceIdentity identity)
    : path_(std::move(path)), fd_(std::move(fd)), identity_(identity) {}

Result<SourceFile> SourceFile::open(const std::string& path) {
  SN_ASSIGN(const SourceIdentity identity, identity_of(path));
  SN_ASSIGN(UniqueFd fd, open_for_reading(path));
  if (!fd.valid()) return failed(path, ENOENT);
  SourceFile file(path, std::move(fd), identity);
  SN_TRY(file.check_same_file());
  return file;
}

Result<SourceFile::Header> SourceFile::read_header() const {
  Header header{};
  const ssize_t got = read_fully(fd_.get(), header.data(), header.size(), 0);
  if (got < 0) return failed(path_, errno);
  if (got == 0) return header;
  const std::string_view start(reinterpret_cast<const char*>(header.data()), kMagic.size());
  if (got < static_cast<ssize_t>(header.size()) || start != kMagic) {
    return refused(path_, "is not a SQLite database, or it is encrypted (SQLCipher)",
                   "an encrypted database cannot be copied from outside the application");
  }
  return header;
}

uint32_t SourceFile::page_size(const Header& header) {
  const uint32_t stored = uint32_t{header[16]} << 8 | header[17];
  const uint32_t size = stored == 1 ? 65536 : stored;
  return size >= 512 && (size & (size - 1)) == 0 ? size : 0;
}

Result<bool> SourceFile::wal_exists() const {
  SN_ASSIGN(const FileFacts facts, facts_of(wal_path()));
  return facts.exists && (!facts.regular || facts.size > 0);
}

Result<FileFacts> SourceFile::ownerless_journal() const {
  SN_ASSIGN(const UniqueFd journal, open_for_reading(path_ + "-journal"));
  char first = 0;
  if (!journal.valid() || read_fully(journal.get(), &first, 1, 0) != 1 || first == 0) return FileFacts{};
  if (write_locked(fd_.get(), kReservedByte, 1)) return FileFacts{};
  return facts_of(journal.get());
}

Result<bool> SourceFile::has_hot_journal() const {
  SN_ASSIGN(const FileFacts first, ownerless_journal());
  if (!first.exists) return false;
  // A writer may have ended between our look at the journal and our look at his lock, and another begun. A
  // journal that nobody owns stays as it is.
  pause_for(kJournalPause);
  SN_ASSIGN(const FileFacts second, ownerless_journal());
  return first == second;
}

Status SourceFile::check_same_file() const {
  SN_ASSIGN(const FileFacts mine, facts_of(fd_.get()));
  SN_ASSIGN(const FileFacts theirs, facts_of(path_));
  auto identity = identity_of(path_);
  if (mine.same_file(theirs) && identity && *identity == identity_) return {};
  return Error{ErrorCode::kAborted, "'" + path_ + "' was replaced while it was read", ""};
}

Error hot_journal_error(const std::string& path) {
  return refused(path, "has a hot journal: its application stopped in the middle of a write",
                 "start the application once: it must open the file to roll the write back");
}

}  // namespace syncnode::sqlite
