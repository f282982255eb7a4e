// UnlockedRead: reading a file in WAL mode to whose shared memory nobody is connected (cleanly closed,
// copied, crashed application), or whose shared memory is of no use to a reader yet. There is nothing to lock
// and we could not create it, so SQLite builds the wal-index in its own memory, and check() proves from the
// files' times and sizes that nobody wrote meanwhile. Refuses to begin before those times are old enough to
// betray a write.
#pragma once

#include "sqlite/wal_guard.h"

namespace syncnode::sqlite {

class UnlockedRead final : public WalGuard {
 public:
  using WalGuard::WalGuard;

  LogState log_state() const override { return has_frames_ ? LogState::kUnknown : LogState::kNone; }
  Status acquire() override;  // waits for old enough times
  int map_shm(int region, int size, volatile void** out) override;
  int lock_shm(int, int, int) override;
  Result<int64_t> wal_size() const override { return imaged() ? WalGuard::wal_size() : wal_bytes(); }
  Status started() override;
  Status check() override;

 private:
  // 0 where no frame can be: SQLite's search for one in vain leaves it unsure of the log for ever.
  Result<int64_t> wal_bytes() const override;
  Status before_image() override { return {}; }
  void after_image() override {}
  Status look(FileFacts& main, FileFacts& wal) const;

  bool begun_ = false;
  bool built_index_ = false;
  bool has_frames_ = true;  // it may have
  FileFacts main_facts_;
  FileFacts wal_facts_;
};

}  // namespace syncnode::sqlite
