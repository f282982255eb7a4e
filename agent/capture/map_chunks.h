// The byte form of a page map's chunks (docs/FORMATS.md, "Page map"). Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "capture/page_map.h"
#include "capture/position.h"

namespace syncnode::capture {

// Owners of pages `first` to `last`.
std::string pack_owners(const std::vector<uint32_t>& owner, uint32_t first, uint32_t last);
Status unpack_owners(std::string_view bytes, uint32_t first, std::vector<uint32_t>& owner);

std::string pack_leaves(const std::vector<Leaf>& leaves, size_t first, size_t last);
Status unpack_leaves(std::string_view bytes, std::vector<Leaf>& leaves);

std::string pack_marks(const std::vector<RowMark>& marks, size_t first, size_t last);
Status unpack_marks(std::string_view bytes, std::vector<RowMark>& marks);

// All of a tree but its leaves and marks.
std::string pack_tree(const Tree& tree);
Result<Tree> unpack_tree(std::string_view bytes);

// A bit for each of the units `first` to `last` - 1; nothing when none is set.
std::string pack_units(const std::vector<bool>& units, size_t first, size_t last);
Status unpack_units(std::string_view bytes, size_t first, std::vector<bool>& units);

std::string pack_checksums(const std::vector<uint64_t>& sums, size_t first, size_t last);
Status unpack_checksums(std::string_view bytes, std::vector<uint64_t>& sums);

struct MapHead {
  std::string sync_id;
  uint32_t page_size = 0;
  uint32_t page_count = 0;
  Position position;
  // Tells one writing of a map from any other as long as the host runs: process, nanoseconds of BootClock.
  uint64_t writer = 0;
  uint64_t written = 0;
};
std::string pack_head(const MapHead& head);
Result<MapHead> unpack_head(std::string_view bytes);

}  // namespace syncnode::capture
