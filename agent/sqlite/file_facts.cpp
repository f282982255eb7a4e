#include "sqlite/file_facts.h"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace syncnode::sqlite {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kFineTick = kSecond / 20;   // the kernel's slowest tick is 10 ms
constexpr int64_t kCoarseTick = 2 * kSecond;  // ext3-sized inodes keep whole seconds

int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

FileFacts facts_from(const struct stat& status) {
  FileFacts facts;
  facts.exists = true;
  facts.device = status.st_dev;
  facts.inode = status.st_ino;
  facts.size = status.st_size;
  facts.modified = nanoseconds(status.st_mtim);
  facts.changed = nanoseconds(status.st_ctim);
  facts.regular = S_ISREG(status.st_mode);
  return facts;
}

}  // namespace

Result<FileFacts> facts_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return facts_from(status);
  if (errno == ENOENT) return FileFacts{};
  const auto code = errno == EACCES ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable;
  return Error{code, "looking at '" + path + "': " + std::strerror(errno), ""};
}

Result<FileFacts> facts_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) == 0) return facts_from(status);
  return Error{ErrorCode::kInternal, std::string("looking at an open file: ") + std::strerror(errno), ""};
}

std::chrono::nanoseconds unsettled_for(const FileFacts& facts) {
  if (!facts.exists) return std::chrono::nanoseconds(0);
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const bool whole_seconds = facts.modified % kSecond == 0 && facts.changed % kSecond == 0;
  const int64_t tick = whole_seconds ? kCoarseTick : kFineTick;
  const int64_t age = nanoseconds(now) - std::max(facts.modified, facts.changed);
  // A stamp from the future cannot be repeated by a write of today.
  if (age >= tick || age <= -tick) return std::chrono::nanoseconds(0);
  return std::chrono::nanoseconds(tick - age);
}

void pause_for(std::chrono::nanoseconds wait) {
  const timespec left{static_cast<time_t>(wait.count() / kSecond), static_cast<long>(wait.count() % kSecond)};
  ::ppoll(nullptr, 0, &left, nullptr);  // every caller looks again, so an early return is harmless
}

}  // namespace syncnode::sqlite
