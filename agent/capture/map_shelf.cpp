#include "capture/map_shelf.h"

#include <algorithm>

namespace syncnode::capture {
namespace {

constexpr size_t kNode = 96;  // of a std::map, with what an allocator adds

}  // namespace

size_t KeptMap::bytes() const {
  size_t all = stored.map.owner.size() * sizeof(uint32_t) + stored.stale.size() / 8 + known.size() * kNode;
  for (const Tree& tree : stored.map.trees) {
    all += sizeof tree + tree.leaves.size() * sizeof(Leaf) + tree.marks.size() * sizeof(RowMark) +
           tree.interiors.size() * sizeof(uint32_t);
  }
  return all;
}

std::optional<KeptMap> MapShelf::take(const std::string& client) {
  std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.client == client; });
  if (found == entries_.end()) return std::nullopt;
  KeptMap map = std::move(found->map);
  bytes_ -= found->bytes;
  entries_.erase(found);
  return map;
}

void MapShelf::put(const std::string& client, KeptMap map) {
  take(client);
  const size_t bytes = map.bytes();
  if (bytes > most_bytes_) return;
  std::lock_guard lock(mutex_);
  entries_.push_front({client, bytes, std::move(map)});
  bytes_ += bytes;
  while (bytes_ > most_bytes_) {
    bytes_ -= entries_.back().bytes;
    entries_.pop_back();
  }
}

void MapShelf::clear() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  bytes_ = 0;
}

}  // namespace syncnode::capture
