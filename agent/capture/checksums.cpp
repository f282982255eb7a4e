#include "capture/checksums.h"

#include <algorithm>
#include <string>

#include "codec/bytes.h"
#include "codec/row_hash.h"

namespace syncnode::capture {
namespace {

constexpr uint32_t kReadBytes = uint32_t{1} << 20;

Status mark_log(sqlite::SourcePages& pages, MainScan& scan, bool heads) {
  const auto view = pages.log();
  if (pages.log_state() != sqlite::LogState::kLive || !view.in_use) return {};
  const auto logged = pages.frame_pages(1, view.frames);
  if (!logged) return Error{ErrorCode::kAborted, "the log was restarted while it was read", ""};
  for (const uint32_t page : *logged) {
    if (page == 0 || page > pages.page_count()) continue;
    scan.checksums[(page - 1) / pages_per_unit(pages.page_size())] = 0;
    if (!heads) continue;
    char head[sizeof(uint32_t)];
    SN_TRY(pages.read(page, head, sizeof head));
    scan.heads[page] = codec::read_big_endian<uint32_t>(head);
  }
  return {};
}

}  // namespace

void ScanWriter::add(std::string_view bytes) {
  const size_t unit = size_t{pages_per_unit(page_size_)} * page_size_;
  for (size_t at = 0; at < bytes.size(); at += unit) {
    const uint64_t sum = codec::bytes_hash(seed_, bytes.substr(at, unit)).low;
    scan_.checksums.push_back(sum != 0 ? sum : 1);
  }
  for (size_t at = 0; heads_ && at + page_size_ <= bytes.size(); at += page_size_) {
    scan_.heads.push_back(codec::read_big_endian<uint32_t>(bytes.data() + at));
  }
}

Result<MainScan> scan_main(sqlite::Snapshot& snapshot, sqlite::SourcePages& pages, uint64_t seed,
                           bool heads) {
  MainScan scan;
  const uint32_t size = pages.page_size();
  const uint32_t count = pages.page_count();
  const uint32_t per_read = std::max(kReadBytes / size, pages_per_unit(size));
  scan.checksums.reserve(count / pages_per_unit(size) + 1);
  if (heads) scan.heads.reserve(size_t{count} + 1);
  ScanWriter writer(scan, size, seed, heads);
  std::string buffer(size_t{per_read} * size, '\0');
  for (uint32_t first = 1; first <= count; first += per_read) {
    SN_TRY(snapshot.breathe());
    const uint32_t here = std::min(per_read, count - first + 1);
    SN_TRY(pages.read_main(first, here, buffer.data()));
    writer.add(std::string_view(buffer).substr(0, size_t{here} * size));
  }
  SN_TRY(mark_log(pages, scan, heads));
  return scan;
}

}  // namespace syncnode::capture
