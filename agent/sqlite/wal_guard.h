// WalGuard: what the two ways of reading a file in WAL mode have in common: the -wal as it was found, and,
// for a small file, the copy in memory that makes the rest of the snapshot independent of the application.
// Refuses to know about locks: its two kinds do. Belongs to the snapshot's thread.
#pragma once

#include "sqlite/read_guard.h"

namespace syncnode::sqlite {

class WalGuard : public ReadGuard {
 public:
  // `wal` is invalid where there is none.
  WalGuard(const SourceFile& file, std::shared_ptr<ImageSpace> images, Deadline deadline, UniqueFd wal)
      : ReadGuard(file, std::move(images), deadline), wal_(std::move(wal)) {}

  JournalMode journal_mode() const override { return JournalMode::kWal; }
  void release() override {}
  Result<size_t> read_main(void* buffer, size_t size, off_t offset) override;
  Result<int64_t> main_size() override;
  int wal_fd() const override { return part_ ? part_->wal() : imaged_ ? images_->wal() : wal_.get(); }
  Result<int64_t> wal_size() const override;

  Status keep_image() override;
  Status keep_pages(const std::vector<bool>& wanted, uint32_t page_size,
                    const std::shared_ptr<PageImage>& image) override;

 protected:
  // How much of the -wal belongs to the snapshot.
  virtual Result<int64_t> wal_bytes() const = 0;
  // Everything else the snapshot will need is fetched / given back.
  virtual Status before_image() = 0;
  virtual void after_image() = 0;
  bool imaged() const { return imaged_ || part_; }

  const UniqueFd wal_;

 private:
  bool imaged_ = false;
  std::shared_ptr<PageImage> part_;
};

}  // namespace syncnode::sqlite
