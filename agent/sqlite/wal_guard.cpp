#include "sqlite/wal_guard.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "sqlite/file_image.h"

namespace syncnode::sqlite {

WalGuard::WalGuard(const SourceFile& file, UniqueFd wal, Deadline deadline)
    : ReadGuard(file), wal_(std::move(wal)), deadline_(deadline) {}

Result<size_t> WalGuard::read_main(void* buffer, size_t size, off_t offset) {
  const ssize_t got = read_fully(imaged_ ? main_image_.get() : file_.fd(), buffer, size, offset);
  if (got < 0)
    return Error{ErrorCode::kUnavailable, "reading '" + file_.path() + "': " + std::strerror(errno), ""};
  return static_cast<size_t>(got);
}

Result<int64_t> WalGuard::main_size() {
  SN_ASSIGN(const FileFacts facts, facts_of(imaged_ ? main_image_.get() : file_.fd()));
  return facts.size;
}

Status WalGuard::keep_image(int64_t limit) {
  SN_ASSIGN(const FileFacts main, file_.facts());
  FileFacts wal;
  if (wal_.valid()) {
    SN_ASSIGN(wal, facts_of(wal_.get()));
  }
  if (main.size + wal.size > limit) return {};
  UniqueFd main_image = reserve_image(main.size);
  UniqueFd wal_image = reserve_image(wal.size);
  if (!fill_image(main_image, file_.fd(), main.size, deadline_)) return {};
  if (!fill_image(wal_image, wal_.get(), wal.size, deadline_)) return {};
  SN_TRY(before_image());
  SN_TRY(check());
  main_image_ = std::move(main_image);
  wal_image_ = std::move(wal_image);
  imaged_ = true;
  after_image();
  return {};
}

}  // namespace syncnode::sqlite
