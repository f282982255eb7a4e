#include "sqlite/unlocked_read.h"

#include <sqlite3.h>

#include <algorithm>

namespace syncnode::sqlite {

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
  return facts.size;
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
