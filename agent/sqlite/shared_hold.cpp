#include "sqlite/shared_hold.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "sqlite/byte_order.h"
#include "sqlite/ofd_lock.h"

namespace syncnode::sqlite {
namespace {

constexpr std::chrono::microseconds kLockPoll{500};
// SQLite's busy handler sleeps 1 ms before it tries again for the first time.
constexpr std::chrono::milliseconds kWriterPoll{1};
// Offset 24 of the header: change counter, size in pages, first freelist page, number of freelist pages.
constexpr size_t kCounterOffset = 24;
constexpr size_t kCounterSize = 16;

}  // namespace

SharedHold::SharedHold(const SourceFile& file, std::shared_ptr<ImageSpace> images, Deadline deadline,
                       std::chrono::milliseconds longest, bool gives_way)
    : ReadGuard(file, std::move(images), deadline), longest_(longest), gives_way_(gives_way) {}

SharedHold::~SharedHold() {
  watcher_ = {};  // stops and joins before the lock's state goes away
  std::lock_guard lock(mutex_);
  give_back();
}

bool SharedHold::try_shared() {
  // As SQLite does: PENDING only for the moment of taking SHARED, so that a waiting writer comes first.
  if (!try_read_lock(file_.fd(), kPendingByte, 1)) return false;
  held_ = try_read_lock(file_.fd(), kSharedFirst, kSharedSize);
  held_since_ = BootClock::now();
  unlock(file_.fd(), kPendingByte, 1);
  if (held_) woken_.notify_all();
  return held_;
}

// Whoever wrote during our hold does not keep to SQLite's locks (a copy over the file, for example).
void SharedHold::look_whether_written() {
  auto facts = file_.facts();
  if (begun_ && (!facts || facts->size != facts_.size || facts->modified != facts_.modified)) {
    if (!broken_) broken_ = changed("it was written without a lock");
  }
}

void SharedHold::give_back() {
  if (!held_) return;
  look_whether_written();
  unlock(file_.fd(), kSharedFirst, kSharedSize);
  held_ = false;
  longest_hold_ = std::max(longest_hold_, BootClock::now() - held_since_);
}

bool SharedHold::writer_waits() const {
  return write_locked(file_.fd(), kPendingByte, 1);
}

void SharedHold::watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (!held_) {
      woken_.wait(lock, stop, [this] { return held_; });
      continue;
    }
    const auto left = held_since_ + longest_ - BootClock::now();
    if (left <= left.zero() || (gives_way_ && writer_waits())) {
      give_back();
    } else {
      woken_.wait_for(lock, stop, std::min<BootClock::duration>(left, kWriterPoll), [] { return false; });
    }
  }
}

Status SharedHold::check_unchanged() {
  SN_ASSIGN(const bool hot, file_.has_hot_journal());
  if (hot && !begun_) return hot_journal_error(file_.path());
  if (hot) return changed("a writer stopped in the middle of a write");
  SN_ASSIGN(const bool wal, file_.wal_exists());
  SN_ASSIGN(const SourceFile::Header header, file_.read_header());
  SN_ASSIGN(const FileFacts facts, file_.facts());
  if (SourceFile::says_wal(header) || (wal && facts.size > 0)) return changed("it was switched to WAL");
  if (!begun_) {
    header_ = header;
    facts_ = facts;
    note_main(facts, held_since_, big_endian_u32(reinterpret_cast<const char*>(&header[kCounterOffset])));
    begun_ = true;
    return {};
  }
  if (std::memcmp(&header[kCounterOffset], &header_[kCounterOffset], kCounterSize) != 0) {
    return changed("the application committed");
  }
  if (facts.size != facts_.size || facts.modified != facts_.modified) return changed("it was written");
  return {};
}

Status SharedHold::acquire() {
  std::lock_guard lock(mutex_);
  if (begun_) return broken_ ? Status(*broken_) : Status();
  while (!try_shared()) {
    if (BootClock::now() >= deadline_) {
      return Error{ErrorCode::kStarved, "'" + file_.path() + "' was locked by writers all the time", ""};
    }
    pause_for(kLockPoll);
  }
  if (auto unchanged = check_unchanged(); !unchanged) {
    give_back();
    return unchanged;
  }
  SN_TRY(copy_image());
  if (!imaged_) watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
  return {};
}

// Nothing is copied where the file is too large, or too slow to copy within one hold.
Status SharedHold::copy_image() {
  if (!images_->fits(facts_.size, 0)) return {};
  bool gave_way = false;
  imaged_ = images_->fill_main(file_.fd(), facts_.size, [&] {
    gave_way = gives_way_ && writer_waits();
    return !gave_way && BootClock::now() < held_since_ + longest_;
  });
  give_back();
  if (gave_way && !broken_) broken_ = changed("a writer wants it");
  return broken_ ? Status(*broken_) : Status();
}

bool SharedHold::holds_shared() const {
  std::lock_guard lock(mutex_);
  return !imaged_ && !part_;
}

Status SharedHold::keep_pages(const std::vector<bool>& wanted, uint32_t page_size,
                              const std::shared_ptr<PageImage>& image) {
  std::lock_guard lock(mutex_);
  if (imaged_ || part_) return {};
  SN_TRY(ensure_held());
  const bool filled = image->fill(file_.fd(), page_size, wanted, -1, 0,
                                  [this] { return BootClock::now() < held_since_ + longest_; });
  give_back();
  if (broken_) return *broken_;
  if (filled) part_ = image;
  return {};
}

Status SharedHold::ensure_held() {
  if (held_ && BootClock::now() >= held_since_ + longest_) give_back();
  if (broken_) return *broken_;
  if (held_) return {};
  Status outcome = try_shared() ? check_unchanged() : Status(changed("a writer wants it"));
  if (!outcome) broken_ = outcome.error();
  return outcome;
}

Result<size_t> SharedHold::read_main(void* buffer, size_t size, off_t offset) {
  ssize_t got = 0;
  if (imaged_) {
    got = read_fully(images_->main(), buffer, size, offset);
  } else if (part_) {
    if (!part_->holds(size, offset))
      return changed("byte " + std::to_string(offset) + " of it was not copied in time");
    got = read_fully(part_->main(), buffer, size, offset);
  } else {
    std::lock_guard lock(mutex_);
    // Before it locks anything SQLite looks at the page size; it looks again under the lock.
    if (begun_) SN_TRY(ensure_held());
    got = read_fully(file_.fd(), buffer, size, offset);
  }
  if (got < 0)
    return Error{ErrorCode::kUnavailable, "reading '" + file_.path() + "': " + std::strerror(errno), ""};
  return static_cast<size_t>(got);
}

Result<int64_t> SharedHold::main_size() {
  std::lock_guard lock(mutex_);
  if (begun_) return facts_.size;
  SN_ASSIGN(const FileFacts facts, file_.facts());
  return facts.size;
}

void SharedHold::release() {
  std::lock_guard lock(mutex_);
  give_back();
}

// SQLite asks for shared memory only when it believes the file to be in WAL mode.
int SharedHold::map_shm(int, int, volatile void**) {
  std::lock_guard lock(mutex_);
  if (!broken_) broken_ = changed("it was switched to WAL");
  return SQLITE_IOERR_SHMMAP;
}

int SharedHold::lock_shm(int, int, int) {
  return SQLITE_IOERR_SHMLOCK;
}

Status SharedHold::started() {
  return check();
}

Status SharedHold::check() {
  std::lock_guard lock(mutex_);
  // A writer who is not given way to would have it between this hold and the next.
  if (held_ && gives_way_) give_back();
  if (held_) look_whether_written();
  return broken_ ? Status(*broken_) : Status();
}

std::chrono::nanoseconds SharedHold::longest_shared_hold() const {
  std::lock_guard lock(mutex_);
  return longest_hold_;
}

}  // namespace syncnode::sqlite
