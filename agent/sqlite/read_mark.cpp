#include "sqlite/read_mark.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "sqlite/byte_order.h"
#include "sqlite/log_room.h"
#include "sqlite/ofd_lock.h"

namespace syncnode::sqlite {
namespace {

// Slots of xShmLock (wal.c): 0 write, 1 checkpoint, 2 recover, then the read marks; mark 0 reads the main
// file alone.
constexpr int kFirstReadMark = 3;
constexpr int kSlots = 8;
// The wal-index header (walindex format): two copies of 48 bytes, then the checkpoint facts.
constexpr size_t kHeaderSize = 48;
constexpr size_t kPageSizeOffset = 14;
constexpr size_t kLastFrameOffset = 16;
constexpr size_t kFrameChecksumOffset = 24;
constexpr size_t kSaltOffset = 32;
constexpr size_t kBackfilledOffset = 96;
constexpr size_t kBackfillAttemptedOffset = 128;
constexpr size_t kShmPrefix = 136;
// Each region of the wal-index: the pages of some frames, then a hash table; the first begins with the
// prefix.
constexpr uint32_t kFramesPerRegion = 4096;
constexpr uint32_t kFramesInFirstRegion = kFramesPerRegion - kShmPrefix / sizeof(uint32_t);
constexpr int kRegionSize = 32768;
// 64 MB of index, for a log of 32 GB at 4 KiB a page. Who claims more wants our memory.
constexpr size_t kMostRegions = 2048;
constexpr int64_t kLogHeaderSize = 32;
constexpr int64_t kFrameHeaderSize = 24;
constexpr off_t kWalSequenceOffset = 12;
constexpr int kStableTries = 20;
constexpr std::chrono::microseconds kWriterPause{50};

uint32_t native_u32(const char* bytes) {
  uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

int64_t log_size(const char* header) {
  uint16_t stored = 0;
  std::memcpy(&stored, header + kPageSizeOffset, sizeof stored);
  const int64_t page_size = stored == 1 ? 65536 : stored;
  const int64_t frames = native_u32(header + kLastFrameOffset);
  return frames == 0 ? 0 : kLogHeaderSize + frames * (kFrameHeaderSize + page_size);
}

// Where in the index the page of a frame (from 1) is told.
struct Place {
  uint32_t region = 0;
  size_t offset = 0;
};
Place place_of(uint32_t frame) {
  if (frame <= kFramesInFirstRegion) return {0, kShmPrefix + sizeof(uint32_t) * (frame - 1)};
  const uint32_t beyond = frame - kFramesInFirstRegion - 1;
  return {1 + beyond / kFramesPerRegion, sizeof(uint32_t) * (beyond % kFramesPerRegion)};
}

bool copies_agree(const char* prefix) {
  return std::memcmp(prefix, prefix + kHeaderSize, kHeaderSize) == 0;
}

}  // namespace

ReadMark::ReadMark(const SourceFile& file, std::shared_ptr<ImageSpace> images, Deadline deadline,
                   UniqueFd wal, UniqueFd shm)
    : WalGuard(file, std::move(images), deadline, std::move(wal)), shm_(std::move(shm)) {}

bool ReadMark::is_live(int shm_fd) {
  return holder_of(shm_fd, kShmDeadman, 1) == RangeHolder::kReader;
}

bool ReadMark::is_being_initialised(int shm_fd) {
  return holder_of(shm_fd, kShmDeadman, 1) == RangeHolder::kWriter;
}

int64_t ReadMark::log_bytes(int shm_fd) {
  char header[kHeaderSize]{};
  read_fully(shm_fd, header, sizeof header, 0);
  return log_size(header);
}

// Frames after our last one are none of ours; a reader of the main file alone needs no frame at all.
Result<int64_t> ReadMark::wal_bytes() const {
  return mark_ == kFirstReadMark ? 0 : log_size(regions_[0].bytes.get());
}

bool ReadMark::load(size_t index) {
  Region& region = regions_[index];
  for (int tries = 0; tries < kStableTries; ++tries) {
    const auto got =
        read_fully(shm_.get(), region.bytes.get(), region.size, static_cast<off_t>(index * region.size));
    if (got != static_cast<ssize_t>(region.size)) return false;
    // The header is written one copy after the other: differing copies are a writer at work.
    if (index > 0 || copies_agree(region.bytes.get())) return true;
    pause_for(kWriterPause);
  }
  return true;
}

int ReadMark::map_shm(int region, int size, volatile void** out) {
  *out = nullptr;
  const auto index = static_cast<size_t>(region);
  if (index >= kMostRegions) return SQLITE_IOERR_SHMMAP;
  if (regions_.size() <= index) regions_.resize(index + 1);
  if (!regions_[index].bytes) {
    regions_[index] = {static_cast<size_t>(size), std::make_unique<char[]>(static_cast<size_t>(size))};
    if (!load(index)) {
      regions_[index] = {};
      // Not written yet: SQLite then builds the index from the -wal, which UnlockedRead is for.
      return region == 0 ? SQLITE_READONLY_CANTINIT : SQLITE_IOERR_SHMMAP;
    }
  }
  *out = regions_[index].bytes.get();
  return SQLITE_READONLY;  // the mapping is good, and read-only
}

Status ReadMark::before_image() {
  const uint32_t last = last_frame_ == 0 ? 0 : place_of(last_frame_).region;
  volatile void* region = nullptr;
  for (uint32_t i = 0; i <= last; ++i) {
    if (map_shm(static_cast<int>(i), kRegionSize, &region) != SQLITE_READONLY)
      return changed("its shared memory does not hold the whole log");
  }
  return {};
}

void ReadMark::after_image() {
  unlock(shm_.get(), kShmLockBase + *mark_, 1);
}

int ReadMark::lock_shm(int slot, int count, int flags) {
  if (flags & SQLITE_SHM_UNLOCK) {
    if (mark_ == slot) {
      unlock(shm_.get(), kShmLockBase + slot, 1);
      mark_.reset();
    }
    return SQLITE_OK;
  }
  if ((flags & SQLITE_SHM_EXCLUSIVE) || count != 1 || slot < 0 || slot >= kSlots) return SQLITE_BUSY;
  if (slot < kFirstReadMark) {
    // SQLite only wants to know whether a writer or a recovery is at work. Taking it could refuse them.
    return write_locked(shm_.get(), kShmLockBase + slot, 1) ? SQLITE_BUSY : SQLITE_OK;
  }
  if (!try_read_lock(shm_.get(), kShmLockBase + slot, 1)) return SQLITE_BUSY;
  mark_ = slot;
  // From here on the mark counts; SQLite compares what it saw before with this and begins again when they
  // differ.
  for (size_t index = 0; index < regions_.size(); ++index) {
    if (regions_[index].bytes && !load(index)) return SQLITE_IOERR_SHMLOCK;
  }
  if (!regions_.empty() && regions_[0].bytes) begin_to_watch(regions_[0].bytes.get());
  return SQLITE_OK;
}

// From the mark on, not from started(): SQLite reads pages before that, and what it says of a page that a
// checkpoint is about to replace (a malformed database) must be known for what it is.
void ReadMark::begin_to_watch(const char* header) {
  last_frame_ = native_u32(header + kLastFrameOffset);
  salt_ = big_endian_u32(header + kSaltOffset);
  view_ = {salt_,
           big_endian_u32(header + kSaltOffset + 4),
           last_frame_,
           native_u32(header + kFrameChecksumOffset),
           native_u32(header + kFrameChecksumOffset + 4),
           native_u32(header + kBackfilledOffset),
           mark_ != kFirstReadMark};
  const auto now = BootClock::now();
  if (const auto facts = file_.facts()) note_main(*facts, now);
  watching_ = true;
}

bool ReadMark::frame_pages(uint32_t first, uint32_t last, std::vector<uint32_t>& pages) {
  const size_t before = pages.size();
  for (uint32_t frame = first; frame <= last; ++frame) {
    const auto [region, offset] = place_of(frame);
    if (region >= regions_.size() || !regions_[region].bytes) {
      volatile void* mapped = nullptr;
      if (imaged() || map_shm(static_cast<int>(region), kRegionSize, &mapped) != SQLITE_READONLY)
        return false;
    }
    pages.push_back(native_u32(regions_[region].bytes.get() + offset));
  }
  if (imaged()) return true;
  // Whoever reads the main file alone stops nobody from beginning the log anew, and what is above may be of
  // that.
  char header[kHeaderSize];
  if (read_fully(shm_.get(), header, sizeof header, 0) == static_cast<ssize_t>(sizeof header) &&
      big_endian_u32(header + kSaltOffset) == view_.salt1 &&
      big_endian_u32(header + kSaltOffset + 4) == view_.salt2)
    return true;
  pages.resize(before);
  return false;
}

// This -wal was begun while we read, and never restarted since: restarts are counted in its header.
bool ReadMark::log_is_in_first_round() const {
  char bytes[4]{};
  if (read_fully(wal_.get(), bytes, sizeof bytes, kWalSequenceOffset) != sizeof bytes) return false;
  return big_endian_u32(bytes) == 0;
}

Status ReadMark::started() {
  if (!mark_ || regions_.empty() || !regions_[0].bytes) return changed("it was not read through its WAL");
  return check();
}

// Frames of the log as it is now, and whether it is still the one that the snapshot began in.
std::optional<std::pair<uint32_t, bool>> ReadMark::log_now() const {
  char header[kHeaderSize];
  if (!holds_log() || read_fully(shm_.get(), header, sizeof header, 0) != static_cast<ssize_t>(sizeof header))
    return std::nullopt;
  return std::pair(native_u32(header + kLastFrameOffset), big_endian_u32(header + kSaltOffset) == salt_);
}

bool ReadMark::outstays() const {
  const auto now = log_now();
  const uint32_t share = last_frame_ < kUnusualLog ? kLeastRoom : kUsualLog;
  return now && now->first > (now->second ? std::max(kUsualLog, last_frame_ + share) : kUsualLog);
}

uint32_t ReadMark::log_growth() const {
  const auto now = log_now();
  if (!now) return 0;
  return now->second ? now->first - std::min(now->first, last_frame_) : now->first;
}

// Somebody may overwrite pages or frames of our snapshot only by ignoring the mark: the last connection when
// it closes, a switch of the journal mode, an exclusive locking mode. Each of them writes to the shared
// memory how far it is going to backfill before it touches the main file, restarts the log with a new salt,
// and removes the -wal before anybody goes on without one. So what we read before now is true when none of
// this is to be seen now.
Status ReadMark::check() {
  if (imaged()) return {};
  SN_TRY(file_.check_same_file());
  SN_ASSIGN(const FileFacts wal, facts_of(file_.wal_path()));
  SN_ASSIGN(const FileFacts my_wal, facts_of(wal_.get()));
  if (!wal.same_file(my_wal)) return changed("its WAL was closed");
  SN_ASSIGN(const FileFacts shm, facts_of(file_.shm_path()));
  SN_ASSIGN(const FileFacts my_shm, facts_of(shm_.get()));
  if (!shm.same_file(my_shm)) return changed("its shared memory was replaced");
  SN_ASSIGN(const SourceFile::Header header, file_.read_header());
  if (!SourceFile::says_wal(header)) return changed("it left WAL mode");
  if (!watching_) return {};

  char now[kShmPrefix];
  if (read_fully(shm_.get(), now, sizeof now, 0) != static_cast<ssize_t>(sizeof now)) {
    return changed("its shared memory was reset");
  }
  const uint32_t backfilled = native_u32(now + kBackfilledOffset);
  const uint32_t attempted = native_u32(now + kBackfillAttemptedOffset);
  const uint32_t salt = big_endian_u32(now + kSaltOffset);
  if (salt == salt_) {
    if (backfilled <= last_frame_ && attempted <= last_frame_) return {};
    return changed("a checkpoint went past this snapshot");
  }
  // A reader of the main file alone does not mind one start of the log, as long as nothing of it is
  // backfilled.
  if (mark_ == kFirstReadMark && backfilled == 0 && attempted == 0) {
    if (salt == salt_ + 1) return {};
    if (last_frame_ == 0 && salt_ == 0 && log_is_in_first_round()) return {};
  }
  return changed("its WAL was restarted");
}

}  // namespace syncnode::sqlite
