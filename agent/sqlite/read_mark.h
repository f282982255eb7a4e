// ReadMark: reading a WAL file while the application is connected. Takes one shared lock, on the byte of -shm
// that guards a read mark, and none on the main file: a lock there would keep the application's last close
// from checkpointing and removing its -wal, and would make its `PRAGMA journal_mode=DELETE` fail. Instead
// check() looks afterwards whether somebody ignored the mark, as exactly these two do. SQLite gets private
// copies of the wal-index, read with pread(2): nothing of the client's is ever mapped, so a truncated -shm
// cannot kill us. Refuses locks other than on a read mark: it only looks whether others hold them.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sqlite/wal_guard.h"

namespace syncnode::sqlite {

class ReadMark final : public WalGuard {
 public:
  ReadMark(const SourceFile& file, std::shared_ptr<ImageSpace> images, Deadline deadline, UniqueFd wal,
           UniqueFd shm);

  LogState log_state() const override { return LogState::kLive; }
  LogView log_view() const override { return view_; }
  bool frame_pages(uint32_t first, uint32_t last, std::vector<uint32_t>& pages) override;
  Status acquire() override { return {}; }
  int map_shm(int region, int size, volatile void** out) override;
  int lock_shm(int slot, int count, int flags) override;
  Status started() override;
  Status check() override;
  bool holds_log() const override { return mark_.has_value() && !imaged(); }
  uint32_t log_growth() const override;
  bool outstays() const override;

  // Somebody is connected to this shared memory, so what it says can be trusted.
  static bool is_live(int shm_fd);
  static bool is_being_initialised(int shm_fd);
  // How many bytes of the -wal are in use, by what the shared memory says now.
  static int64_t log_bytes(int shm_fd);

 private:
  Result<int64_t> wal_bytes() const override;
  Status before_image()
      override;  // all of the index that counts: it may be reset as soon as the mark is given back
  void after_image() override;  // gives the mark back

  struct Region {
    size_t size = 0;
    std::unique_ptr<char[]> bytes;
  };
  bool load(size_t index);
  void begin_to_watch(const char* header);
  bool log_is_in_first_round() const;
  std::optional<std::pair<uint32_t, bool>> log_now() const;

  const UniqueFd shm_;
  std::vector<Region> regions_;
  std::optional<int> mark_;  // the slot we hold
  LogView view_;
  bool watching_ = false;
  uint32_t last_frame_ = 0;  // of our snapshot
  uint32_t salt_ = 0;        // salt-1: one more at each restart of the log
};

}  // namespace syncnode::sqlite
