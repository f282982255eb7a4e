#include "sqlite/unlocked_read.h"

#include <sqlite3.h>

#include <algorithm>

#include "sqlite/byte_order.h"

namespace syncnode::sqlite {
namespace {

// WAL format (SQLite file format §4.1): magic, version, page size, …; frames follow the header.
constexpr int64_t kWalHeaderSize = 32;
constexpr uint32_t kWalMagic = 0x377f0682;  // or one more: big-endian checksums
constexpr off_t kWalPageSizeOffset = 8;
constexpr uint32_t kSmallestPage = 512;
constexpr uint32_t kLargestPage = 65536;

// As SQLite decides whether to look further. A writer killed between creating the log and its first frame
// leaves the bare header.
bool may_hold_frames(int fd, int64_t size) {
  char header[kWalHeaderSize]{};
  if (size <= kWalHeaderSize || read_fully(fd, header, sizeof header, 0) != kWalHeaderSize) return false;
  const uint32_t page_size = big_endian_u32(header + kWalPageSizeOffset);
  return (big_endian_u32(header) & ~1U) == kWalMagic && (page_size & (page_size - 1)) == 0 &&
         page_size >= kSmallestPage && page_size <= kLargestPage;
}

}  // namespace

Status UnlockedRead::look(FileFacts& main, FileFacts& wal) const {
  SN_TRY(file_.check_same_file());
  SN_ASSIGN(main, file_.facts());
  SN_ASSIGN(wal, facts_of(file_.wal_path()));
  if (wal.exists != wal_.valid()) return changed("its WAL came or went");
  if (wal.exists) {
    SN_ASSIGN(const FileFacts mine, facts_of(wal_.get()));
    if (!wal.same_file(mine)) return changed("its WAL was replaced");
  }
  return {};
}

Result<int64_t> UnlockedRead::wal_bytes() const {
  if (!wal_.valid()) return 0;
  SN_ASSIGN(const FileFacts facts, facts_of(wal_.get()));
  return may_hold_frames(wal_.get(), facts.size) ? facts.size : 0;
}

Status UnlockedRead::acquire() {
  if (begun_) return {};
  for (;;) {
    SN_TRY(look(main_facts_, wal_facts_));
    const auto young = std::max(unsettled_for(main_facts_), unsettled_for(wal_facts_));
    if (young == young.zero()) break;
    if (BootClock::now() + young > deadline_) {
      return Error{ErrorCode::kStarved, "'" + file_.path() + "' was written all the time", ""};
    }
    pause_for(young);
  }
  SN_ASSIGN(const int64_t log, wal_bytes());
  has_frames_ = log > 0;
  note_main(main_facts_, BootClock::now());
  begun_ = true;
  return {};
}

int UnlockedRead::map_shm(int, int, volatile void** out) {
  *out = nullptr;
  built_index_ = true;
  return SQLITE_READONLY_CANTINIT;  // "readable, but nobody vouches for it": SQLite builds its own
}

int UnlockedRead::lock_shm(int, int, int flags) {
  return (flags & SQLITE_SHM_EXCLUSIVE) && !(flags & SQLITE_SHM_UNLOCK) ? SQLITE_BUSY : SQLITE_OK;
}

Status UnlockedRead::started() {
  if (!built_index_) return changed("it was not read through its WAL");
  return check();
}

Status UnlockedRead::check() {
  if (!begun_ || imaged()) return {};
  FileFacts main;
  FileFacts wal;
  SN_TRY(look(main, wal));
  if (!(main == main_facts_) || !(wal == wal_facts_)) return changed("somebody wrote to it");
  // A writer may hold the file exclusively and have written into its caches only; a journal says he began.
  SN_ASSIGN(const bool hot, file_.has_hot_journal());
  if (hot) return changed("a writer stopped in the middle of a write");
  return {};
}

}  // namespace syncnode::sqlite
