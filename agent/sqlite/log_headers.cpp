#include "sqlite/log_headers.h"

#include <cstring>
#include <utility>

#include "sqlite/byte_order.h"
#include "sqlite/ofd_lock.h"
#include "sqlite/read_mark.h"
#include "sqlite/source_file.h"

namespace syncnode::sqlite {
namespace {

// WAL format (SQLite file format §4.1): header 32 bytes, then frames of 24 bytes and a page each.
constexpr int64_t kLogHeader = 32;
constexpr int64_t kFrameHeader = 24;
constexpr size_t kPageSizeAt = 8;
constexpr size_t kSaltAt = 16;
constexpr size_t kFrameCommitAt = 4;
constexpr size_t kFrameSaltAt = 8;
constexpr size_t kFrameChecksumAt = 16;
// The wal-index header: two copies of 48 bytes.
constexpr size_t kIndexHeader = 48;
constexpr size_t kCommitsAt = 8;  // iChange
constexpr size_t kInitialisedAt = 12;
constexpr size_t kLastFrameAt = 16;
constexpr size_t kIndexSaltAt = 32;
constexpr size_t kBackfilledAt = 96;
constexpr int kReads = 8;
constexpr int kCheckpointSlot = 1;  // of xShmLock (WAL_CKPT_LOCK)

}  // namespace

std::optional<LogHeaders> LogHeaders::open(const std::string& main_path) {
  auto wal = open_for_reading(main_path + "-wal");
  auto shm = open_for_reading(main_path + "-shm");
  if (!wal || !shm || !wal->valid() || !shm->valid()) return std::nullopt;
  char header[kLogHeader];
  if (read_fully(wal->get(), header, sizeof header, 0) != kLogHeader) return std::nullopt;
  const uint32_t page_size = big_endian_u32(header + kPageSizeAt);
  if (page_size < 512 || page_size > 65536) return std::nullopt;
  return LogHeaders(std::move(*wal), std::move(*shm), page_size);
}

std::optional<LogHeaders::Committed> LogHeaders::committed() const {
  // A writer in a hurry is met in the middle of his two copies often enough; he is through in no time.
  for (int i = 0; i < kReads; ++i) {
    if (const auto found = read_committed()) return found;
  }
  return std::nullopt;
}

std::optional<LogHeaders::Committed> LogHeaders::read_committed() const {
  char index[kBackfilledAt + sizeof(uint32_t)];
  char header[kLogHeader];
  if (read_fully(shm_.get(), index, sizeof index, 0) != static_cast<ssize_t>(sizeof index) ||
      read_fully(wal_.get(), header, sizeof header, 0) != kLogHeader)
    return std::nullopt;
  const bool settled =
      std::memcmp(index, index + kIndexHeader, kIndexHeader) == 0 && index[kInitialisedAt] != 0;
  // A log that was begun anew in the index, and not in its file yet, has no frames.
  if (!settled || std::memcmp(index + kIndexSaltAt, header + kSaltAt, 8) != 0) return std::nullopt;
  Committed committed{big_endian_u32(header + kSaltAt), big_endian_u32(header + kSaltAt + 4), 0, 0, 0};
  std::memcpy(&committed.frames, index + kLastFrameAt, sizeof committed.frames);
  std::memcpy(&committed.commits, index + kCommitsAt, sizeof committed.commits);
  std::memcpy(&committed.backfilled, index + kBackfilledAt, sizeof committed.backfilled);
  return committed;
}

bool LogHeaders::is_live() const {
  return ReadMark::is_live(shm_.get());
}

bool LogHeaders::is_checkpointed() const {
  return write_locked(shm_.get(), kShmLockBase + kCheckpointSlot, 1);
}

std::optional<LogHeaders::Frame> LogHeaders::frame(uint32_t number) const {
  char header[kFrameHeader];
  const int64_t at = kLogHeader + (number - 1) * (kFrameHeader + int64_t{page_size_});
  if (number == 0 || read_fully(wal_.get(), header, sizeof header, at) != kFrameHeader) return std::nullopt;
  const uint64_t checksum = uint64_t{big_endian_u32(header + kFrameChecksumAt)} << 32 |
                            big_endian_u32(header + kFrameChecksumAt + 4);
  return Frame{big_endian_u32(header), big_endian_u32(header + kFrameSaltAt),
               big_endian_u32(header + kFrameSaltAt + 4), checksum,
               big_endian_u32(header + kFrameCommitAt) != 0};
}

}  // namespace syncnode::sqlite
