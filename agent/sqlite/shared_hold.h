// SharedHold: reading a file in rollback-journal mode. SHARED is really taken, because only that keeps a
// writer from overwriting pages, but never for longer than SnapshotOptions::hold, and a writer who waits for
// it (PENDING) gets it within a millisecond: a thread of its own gives it back even when the reader is busy
// elsewhere. The next read takes it again and goes on only when the file is as before. A small file is copied
// into memory during the first hold, of a large one the pages that will be needed, as soon as they are known;
// then no lock is needed any more. Only these copies may be finished while a writer waits (that of the file
// only when the guard was told not to give way), within the hold: he waits for one, for no second one.
// Refuses to wait for a writer once the read has begun: his commit would break the snapshot anyway.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "sqlite/read_guard.h"

namespace syncnode::sqlite {

class SharedHold final : public ReadGuard {
 public:
  SharedHold(const SourceFile& file, std::shared_ptr<ImageSpace> images, Deadline deadline,
             std::chrono::milliseconds longest, bool gives_way);
  ~SharedHold() override;

  JournalMode journal_mode() const override { return JournalMode::kRollback; }
  LogState log_state() const override { return LogState::kNone; }
  Status acquire() override;
  void release() override;
  Result<size_t> read_main(void* buffer, size_t size, off_t offset) override;
  Result<int64_t> main_size() override;
  int map_shm(int region, int size, volatile void** out) override;
  int lock_shm(int slot, int count, int flags) override;
  Status started() override;
  Status keep_image() override { return {}; }  // was done in the first hold
  Status keep_pages(const std::vector<bool>& wanted, uint32_t page_size,
                    const std::shared_ptr<PageImage>& image) override;
  bool holds_shared() const override;
  Status check() override;
  std::chrono::nanoseconds longest_shared_hold() const override;

 private:
  // All below: mutex_ is held.
  bool try_shared();
  Status ensure_held();
  void look_whether_written();
  void give_back();
  Status check_unchanged();
  bool writer_waits() const;
  Status copy_image();
  void watch(const std::stop_token& stop);

  const std::chrono::milliseconds longest_;
  const bool gives_way_;
  mutable std::mutex mutex_;
  std::condition_variable_any woken_;
  bool held_ = false;
  Deadline held_since_{};
  std::chrono::nanoseconds longest_hold_{0};
  std::optional<Error> broken_;
  bool begun_ = false;
  FileFacts facts_;              // as of the first hold
  SourceFile::Header header_{};  // as of the first hold
  bool imaged_ = false;
  std::shared_ptr<PageImage> part_;
  std::jthread watcher_;
};

}  // namespace syncnode::sqlite
