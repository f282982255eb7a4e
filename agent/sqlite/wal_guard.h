// WalGuard: what the two ways of reading a file in WAL mode have in common: the -wal as it was found, and,
// for a small file, the copy in memory that makes the rest of the snapshot independent of the application.
// Refuses to know about locks: its two kinds do. Belongs to the snapshot's thread.
#pragma once

#include "sqlite/read_guard.h"

namespace syncnode::sqlite {

class WalGuard : public ReadGuard {
 public:
  // `wal` is invalid where there is none.
  WalGuard(const SourceFile& file, UniqueFd wal, Deadline deadline);

  JournalMode journal_mode() const override { return JournalMode::kWal; }
  void release() override {}
  Result<size_t> read_main(void* buffer, size_t size, off_t offset) override;
  Result<int64_t> main_size() override;
  int wal_fd() const override { return imaged_ ? wal_image_.get() : wal_.get(); }

  // Copies both files when together they have at most `limit` bytes, and checks that the copies belong to the
  // snapshot. From then on check() has nothing left to say. Reads the file as before when it is too large.
  Status keep_image(int64_t limit);

 protected:
  // Everything else the snapshot will need is fetched / given back.
  virtual Status before_image() = 0;
  virtual void after_image() = 0;
  bool imaged() const { return imaged_; }

  const UniqueFd wal_;
  const Deadline deadline_;

 private:
  bool imaged_ = false;
  UniqueFd main_image_;
  UniqueFd wal_image_;
};

}  // namespace syncnode::sqlite
