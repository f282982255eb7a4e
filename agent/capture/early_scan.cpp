#include "capture/early_scan.h"

#include <algorithm>

#include "codec/bytes.h"
#include "sqlite/log_headers.h"
#include "sqlite/source_file.h"

namespace syncnode::capture {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

}  // namespace

bool EarlyScan::begin(const std::string& path, Trail* journals) {
  const auto log = sqlite::LogHeaders::open(path);
  const auto committed = log ? log->committed() : std::nullopt;
  if (committed && log->is_live()) {
    log_ = std::make_unique<LogTrail>(path);
    log_->look();
    trail_ = log_.get();
    begun_.live = true;
    begun_.log.salt1 = committed->salt1;
    begun_.log.salt2 = committed->salt2;
    page_size_ = log->page_size();
    return true;
  }
  const auto here = journals != nullptr ? journals->here() : std::nullopt;
  if (!here) return false;
  trail_ = journals;
  begun_ = *here;
  return true;
}

std::optional<EarlyScan> EarlyScan::take(const std::string& path, uint64_t seed, bool heads, Trail* journals,
                                         const std::stop_token& stop) {
  auto file = sqlite::SourceFile::open(path);
  if (!file) return std::nullopt;
  EarlyScan early;
  const auto facts = file->facts();
  if (!facts || !early.begin(path, journals)) return std::nullopt;
  early.inode_ = facts->inode;
  const auto header = file->read_header();
  if (!header) return std::nullopt;
  if (!early.log_) early.page_size_ = sqlite::SourceFile::page_size(*header);
  if (early.page_size_ == 0) return std::nullopt;
  std::string buffer(kReadBytes, '\0');
  ScanWriter writer(early.scan_, early.page_size_, seed, heads);
  for (off_t at = 0;; at += static_cast<off_t>(kReadBytes)) {
    if (stop.stop_requested()) return std::nullopt;
    const ssize_t got = sqlite::read_fully(file->fd(), buffer.data(), buffer.size(), at);
    if (got < 0) return std::nullopt;
    writer.add(std::string_view(buffer).substr(0, static_cast<size_t>(got)));
    early.trail_->look();
    if (static_cast<size_t>(got) < buffer.size()) return early;
  }
}

// A page that was written meanwhile, torn perhaps, is one that the log had or got since: its head is read
// again in the snapshot, its checksum stays unknown. The log that was there at the beginning counts from its
// first frame: what of it was not copied back yet could be any moment.
Result<std::optional<MainScan>> EarlyScan::settle(sqlite::SourcePages& pages, const Position& now) {
  const auto none = std::optional<MainScan>();
  if (pages.page_size() != page_size_ || now.inode != inode_) return none;
  const auto written = trail_->between(begun_, now);
  if (!written) return none;
  const uint32_t count = pages.page_count();
  const uint32_t per_unit = pages_per_unit(page_size_);
  scan_.checksums.resize((count + per_unit - 1) / per_unit);
  const size_t known = scan_.heads.size();
  const bool heads = known > 0;
  if (heads) scan_.heads.resize(size_t{count} + 1);
  const auto read_head = [&](uint32_t page) -> Status {
    char head[sizeof(uint32_t)];
    SN_TRY(pages.read(page, head, sizeof head));
    scan_.heads[page] = codec::read_big_endian<uint32_t>(head);
    return {};
  };
  for (const uint32_t page : *written) {
    if (page == 0 || page > count) continue;
    scan_.checksums[(page - 1) / per_unit] = 0;
    if (heads) SN_TRY(read_head(page));
  }
  // The file grew since, by pages of the log.
  for (size_t page = std::max<size_t>(known, 1); heads && page <= count; ++page) {
    SN_TRY(read_head(static_cast<uint32_t>(page)));
  }
  return std::optional(std::move(scan_));
}

}  // namespace syncnode::capture
