#include "sqlite/source_pages.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "sqlite/byte_order.h"

namespace syncnode::sqlite {
namespace {

// SQLite file format §4.1.
constexpr int64_t kLogHeaderSize = 32;
constexpr int64_t kFrameHeaderSize = 24;
constexpr int64_t kFrameChecksumOffset = 16;

Error beyond(uint32_t page) {
  return {ErrorCode::kCorruption, "page " + std::to_string(page) + " is not in the file", ""};
}

}  // namespace

std::optional<std::vector<uint32_t>> SourcePages::frame_pages(uint32_t first, uint32_t last) {
  std::vector<uint32_t> pages;
  if (first > last) return pages;
  if (!guard_.frame_pages(first, last, pages)) return std::nullopt;
  return pages;
}

Status SourcePages::read_log(uint32_t frame, int64_t offset, char* buffer, size_t size) {
  const int64_t start = kLogHeaderSize + (frame - 1) * (kFrameHeaderSize + int64_t{page_size_});
  const ssize_t got = guard_.wal_fd() < 0 ? 0 : read_fully(guard_.wal_fd(), buffer, size, start + offset);
  if (got < 0) {
    return Error{ErrorCode::kUnavailable, "reading '" + file_.wal_path() + "': " + std::strerror(errno), ""};
  }
  bytes_read_ += static_cast<uint64_t>(got);
  if (static_cast<size_t>(got) == size) return {};
  return Error{ErrorCode::kAborted, "'" + file_.wal_path() + "' became shorter while it was read", ""};
}

Result<std::pair<uint32_t, uint32_t>> SourcePages::frame_checksum(uint32_t frame) {
  char bytes[8];
  SN_TRY(read_log(frame, kFrameChecksumOffset, bytes, sizeof bytes));
  return std::pair(big_endian_u32(bytes), big_endian_u32(bytes + 4));
}

Status SourcePages::need_overlay() {
  if (overlay_) return {};
  std::unordered_map<uint32_t, uint32_t> frames;
  const LogView view = log();
  if (log_state() == LogState::kUnknown) {
    return Error{ErrorCode::kFailedPrecondition, "its log has no owner", ""};
  }
  if (log_state() == LogState::kLive && view.in_use) {
    const auto pages = frame_pages(1, view.frames);
    if (!pages) return Error{ErrorCode::kAborted, "'" + file_.wal_path() + "' was restarted", ""};
    frames.reserve(pages->size());
    for (uint32_t i = 0; i < pages->size(); ++i) frames[(*pages)[i]] = i + 1;
  }
  overlay_ = std::move(frames);
  return {};
}

Result<bool> SourcePages::in_log(uint32_t page) {
  SN_TRY(need_overlay());
  return overlay_->count(page) > 0;
}

Status SourcePages::read(uint32_t page, char* buffer, size_t size) {
  if (page == 0 || page > page_count_) return beyond(page);
  SN_TRY(need_overlay());
  if (const auto frame = overlay_->find(page); frame != overlay_->end()) {
    return read_log(frame->second, kFrameHeaderSize, buffer, size);
  }
  SN_ASSIGN(const size_t got, guard_.read_main(buffer, size, int64_t{page - 1} * page_size_));
  bytes_read_ += got;
  return got == size ? Status() : Status(beyond(page));
}

Status SourcePages::read_main(uint32_t first, uint32_t count, char* buffer) {
  const size_t size = size_t{count} * page_size_;
  SN_ASSIGN(const size_t got, guard_.read_main(buffer, size, int64_t{first - 1} * page_size_));
  bytes_read_ += got;
  std::memset(buffer + got, 0, size - got);
  return {};
}

}  // namespace syncnode::sqlite
