#include "sqlite/wal_guard.h"

#include <cerrno>
#include <cstring>

namespace syncnode::sqlite {

Result<size_t> WalGuard::read_main(void* buffer, size_t size, off_t offset) {
  if (part_ && !part_->holds(size, offset))
    return changed("byte " + std::to_string(offset) + " of it was not copied in time");
  const ssize_t got = read_fully(part_     ? part_->main()
                                 : imaged_ ? images_->main()
                                           : file_.fd(),
                                 buffer, size, offset);
  if (got < 0)
    return Error{ErrorCode::kUnavailable, "reading '" + file_.path() + "': " + std::strerror(errno), ""};
  return static_cast<size_t>(got);
}

Result<int64_t> WalGuard::main_size() {
  SN_ASSIGN(const FileFacts facts, facts_of(part_ ? part_->main() : imaged_ ? images_->main() : file_.fd()));
  return facts.size;
}

Result<int64_t> WalGuard::wal_size() const {
  if (wal_fd() < 0) return 0;
  SN_ASSIGN(const FileFacts facts, facts_of(wal_fd()));
  return facts.size;
}

Status WalGuard::keep_image() {
  SN_ASSIGN(const FileFacts main, file_.facts());
  SN_ASSIGN(const int64_t wal, wal_bytes());
  if (!images_->fits(main.size, wal)) return {};
  const auto in_time = [this] { return BootClock::now() < deadline_; };
  if (!images_->fill_wal(wal_.get(), wal, in_time)) return check();
  if (!images_->fill_main(file_.fd(), main.size, in_time)) return check();
  SN_TRY(before_image());
  SN_TRY(check());
  imaged_ = true;
  after_image();
  return {};
}

Status WalGuard::keep_pages(const std::vector<bool>& wanted, uint32_t page_size,
                            const std::shared_ptr<PageImage>& image) {
  if (!holds_log()) return {};
  SN_ASSIGN(const int64_t wal, wal_bytes());
  const auto in_time = [this] { return BootClock::now() < deadline_; };
  if (!image->fill(file_.fd(), page_size, wanted, wal_.get(), wal, in_time)) return check();
  std::vector<uint32_t> in_log;
  const LogView log = log_view();
  const bool is_told = !log.in_use || log.frames == 0 || frame_pages(1, log.frames, in_log);
  image->overlaid(is_told ? &in_log : nullptr);
  SN_TRY(before_image());
  SN_TRY(check());
  part_ = image;
  after_image();
  return {};
}

}  // namespace syncnode::sqlite
