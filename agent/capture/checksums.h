// One pass over the main file of a snapshot: a checksum of each unit, for the day when no log tells what
// changed. Seeded per memory, so that nobody can aim at a collision. Reads in order, understands nothing. One
// thread, inside the snapshot.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sqlite/snapshot.h"
#include "sqlite/source_pages.h"

namespace syncnode::capture {

// One checksum stands for so many bytes, or for a page where that is more.
inline constexpr uint32_t kUnitBytes = 4096;
inline uint32_t pages_per_unit(uint32_t page_size) {
  return page_size >= kUnitBytes ? 1 : kUnitBytes / page_size;
}

struct MainScan {
  std::vector<uint64_t> checksums;  // by unit; 0: the log has pages of it
  std::vector<uint32_t> heads;      // by page, where asked for: its first four bytes, big-endian
};

// Takes the main file's bytes in order, from its beginning, whole units until the last.
class ScanWriter {
 public:
  ScanWriter(MainScan& scan, uint32_t page_size, uint64_t seed, bool heads)
      : scan_(scan), page_size_(page_size), seed_(seed), heads_(heads) {
    if (heads) scan.heads.push_back(0);  // there is no page 0
  }
  void add(std::string_view bytes);

 private:
  MainScan& scan_;
  const uint32_t page_size_;
  const uint64_t seed_;
  const bool heads_;
};

Result<MainScan> scan_main(sqlite::Snapshot& snapshot, sqlite::SourcePages& pages, uint64_t seed, bool heads);

}  // namespace syncnode::capture
