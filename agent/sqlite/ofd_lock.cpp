#include "sqlite/ofd_lock.h"

#include <fcntl.h>

#include <cerrno>

namespace syncnode::sqlite {
namespace {

struct flock range_of(short type, off_t start, off_t length) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = start;
  range.l_len = length;
  return range;
}

bool set_lock(int fd, short type, off_t start, off_t length) {
  struct flock range = range_of(type, start, length);
  int outcome = 0;
  do {
    outcome = ::fcntl(fd, F_OFD_SETLK, &range);
  } while (outcome < 0 && errno == EINTR);
  return outcome == 0;
}

}  // namespace

bool try_read_lock(int fd, off_t start, off_t length) {
  return set_lock(fd, F_RDLCK, start, length);
}

void unlock(int fd, off_t start, off_t length) {
  set_lock(fd, F_UNLCK, start, length);
}

RangeHolder holder_of(int fd, off_t start, off_t length) {
  struct flock range = range_of(F_WRLCK, start, length);
  if (::fcntl(fd, F_OFD_GETLK, &range) != 0) return RangeHolder::kWriter;
  if (range.l_type == F_UNLCK) return RangeHolder::kNobody;
  return range.l_type == F_WRLCK ? RangeHolder::kWriter : RangeHolder::kReader;
}

bool write_locked(int fd, off_t start, off_t length) {
  struct flock range = range_of(F_RDLCK, start, length);
  return ::fcntl(fd, F_OFD_GETLK, &range) != 0 || range.l_type != F_UNLCK;
}

}  // namespace syncnode::sqlite
