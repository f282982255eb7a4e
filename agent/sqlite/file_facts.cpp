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
constexpr int64_t kMillisecond = kSecond / 1000;

int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

// Between two ticks of this clock the kernel gives every write the same stamp; at most 10 ms.
int64_t kernel_tick() {
  static const int64_t tick = [] {
    timespec resolution{0, 10 * kMillisecond};
    ::clock_getres(CLOCK_REALTIME_COARSE, &resolution);
    return nanoseconds(resolution);
  }();
  return tick;
}

// What the file system keeps of a stamp: whole seconds in old inodes, 2 s or 10 ms in those of FAT. Round
// numbers tell.
int64_t stamp_unit(const FileFacts& facts) {
  for (const int64_t unit : {2 * kSecond, kSecond, kSecond / 10, kSecond / 100, kMillisecond}) {
    if (facts.modified % unit == 0 && facts.changed % unit == 0) return unit;
  }
  return 0;
}

int64_t longest_tick(const FileFacts& facts) {
  return std::max(kernel_tick(), stamp_unit(facts));
}

int64_t age_of(const FileFacts& facts) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return nanoseconds(now) - std::max(facts.modified, facts.changed);
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
  // Twice the longest time two writes can look like one.
  const int64_t tick = 2 * longest_tick(facts);
  const int64_t age = age_of(facts);
  // A stamp from the future cannot be repeated by a write of today.
  if (age >= tick || age <= -tick) return std::chrono::nanoseconds(0);
  return std::chrono::nanoseconds(tick - age);
}

std::chrono::nanoseconds quiet_for(const FileFacts& facts) {
  if (!facts.exists) return std::chrono::nanoseconds(0);
  return std::chrono::nanoseconds(std::max<int64_t>(0, age_of(facts) - longest_tick(facts)));
}

void pause_for(std::chrono::nanoseconds wait) {
  const timespec left{static_cast<time_t>(wait.count() / kSecond), static_cast<long>(wait.count() % kSecond)};
  ::ppoll(nullptr, 0, &left, nullptr);  // every caller looks again, so an early return is harmless
}

}  // namespace syncnode::sqlite
