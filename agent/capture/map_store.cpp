#include "capture/map_store.h"

#include <unistd.h>

#include <algorithm>

#include "capture/checksums.h"
#include "capture/map_chunks.h"
#include "codec/row_hash.h"

namespace syncnode::capture {
namespace {

constexpr int kOwners = 0;
constexpr int kTree = 1;
constexpr int kLeaves = 2;
constexpr int kStale = 3;
constexpr int kHead = 4;
constexpr int kChecksums = 5;
constexpr int kMarks = 6;
constexpr uint32_t kPagesPerChunk = 4096;
constexpr size_t kUnitsPerChunk = 4096;
// Leaves and marks are cut where a page number, or a rowid, says so, not by their count: one more does not
// move all cuts behind it.
constexpr uint32_t kCutMask = 511;

bool cuts(uint64_t number) {
  return ((static_cast<uint32_t>(number) * 2654435761U) >> 16 & kCutMask) == 0;
}
bool cuts(const Leaf& leaf) {
  return cuts(leaf.page);
}
bool cuts(const RowMark& mark) {
  return cuts(static_cast<uint64_t>(mark.rowid));
}

uint64_t hash_of(std::string_view bytes) {
  return codec::bytes_hash(0, bytes).low;
}

// Calls `pack` for each part of the list, which ends before one that cuts.
template <typename Item, typename Pack>
void in_parts(const std::vector<Item>& list, Pack pack) {
  for (size_t first = 0; first < list.size();) {
    size_t end = first + 1;
    while (end < list.size() && !cuts(list[end])) ++end;
    pack(first, end);
    first = end;
  }
}

template <typename Map>
auto* find_tree(Map& map, int64_t id) {
  const auto tree =
      std::find_if(map.trees.begin(), map.trees.end(), [&](const Tree& each) { return each.id == id; });
  return tree == map.trees.end() ? nullptr : &*tree;
}

}  // namespace

Result<MapStore::Chunks> MapStore::read(int kind) {
  Chunks chunks;
  SN_TRY(file_.for_each(kind, [&](const Key& key, std::string_view bytes) -> Status {
    known_[key] = hash_of(bytes);
    chunks.emplace(key, bytes);
    return {};
  }));
  return chunks;
}

Result<std::optional<StoredMap>> MapStore::load() {
  known_.clear();
  StoredMap stored;
  SN_ASSIGN(const auto heads, read(kHead));
  if (heads.size() != 1) return std::optional<StoredMap>();
  SN_ASSIGN(const MapHead head, unpack_head(heads.begin()->second));
  if (head.sync_id != memory_.sync_id()) return std::optional<StoredMap>();
  if (auto kept = from_shelf()) return kept;
  stored.position = head.position;
  stored.map.page_size = head.page_size;
  stored.map.page_count = head.page_count;
  stored.map.owner.resize(size_t{head.page_count} + 1);
  stored.stale.resize(head.page_count / pages_per_unit(head.page_size) + 1);
  SN_ASSIGN(const auto owners, read(kOwners));
  for (const auto& [key, bytes] : owners)
    SN_TRY(unpack_owners(bytes, static_cast<uint32_t>(key.first), stored.map.owner));
  SN_ASSIGN(const auto trees, read(kTree));
  for (const auto& [key, bytes] : trees) {
    SN_ASSIGN(Tree tree, unpack_tree(bytes));
    tree.id = key.tree;
    stored.map.trees.push_back(std::move(tree));
  }
  for (const int kind : {kLeaves, kMarks}) {
    SN_ASSIGN(const auto chunks, read(kind));
    for (const auto& [key, bytes] : chunks) {
      Tree* tree = find_tree(stored.map, key.tree);
      if (tree == nullptr)
        return Error{ErrorCode::kCorruption, "the page map tells of no table's pages", "it is made anew"};
      SN_TRY(kind == kLeaves ? unpack_leaves(bytes, tree->leaves) : unpack_marks(bytes, tree->marks));
    }
  }
  if (!stored.map.is_whole()) {
    return Error{ErrorCode::kCorruption, "the page map names pages that are not in the file",
                 "it is made anew"};
  }
  SN_ASSIGN(const auto stale, read(kStale));
  for (const auto& [key, bytes] : stale)
    SN_TRY(unpack_units(bytes, static_cast<size_t>(key.first), stored.stale));
  loaded_ = true;
  return std::optional(std::move(stored));
}

// Whoever else wrote to the file has written another head.
std::optional<StoredMap> MapStore::from_shelf() {
  auto kept = shelf_ != nullptr ? shelf_->take(client_) : std::nullopt;
  if (!kept || known_.size() != 1) return std::nullopt;
  const auto& [key, hash] = *known_.begin();
  const auto head = kept->known.find(key);
  if (head == kept->known.end() || head->second != hash) return std::nullopt;
  known_ = std::move(kept->known);
  loaded_ = true;
  return std::move(kept->stored);
}

void MapStore::keep(StoredMap saved) {
  if (shelf_ != nullptr) shelf_->put(client_, {std::move(saved), std::move(known_)});
  known_.clear();
  loaded_ = false;
}

Result<std::vector<uint64_t>> MapStore::load_checksums() {
  std::vector<uint64_t> sums;
  SN_ASSIGN(const auto chunks, read(kChecksums));
  for (const auto& [key, bytes] : chunks) SN_TRY(unpack_checksums(bytes, sums));
  return sums;
}

Status MapStore::write(const Chunks& chunks, const std::set<int>& kinds) {
  for (const auto& [key, bytes] : chunks) {
    if (bytes.empty()) continue;
    const uint64_t hash = hash_of(bytes);
    const auto before = known_.find(key);
    if (before != known_.end() && before->second == hash) continue;
    SN_TRY(file_.put(key, bytes));
    known_[key] = hash;
  }
  for (auto one = known_.begin(); one != known_.end();) {
    const Key key = (one++)->first;
    if (kinds.count(key.kind) == 0 || chunks.count(key) > 0) continue;
    SN_TRY(file_.remove(key));
    known_.erase(key);
  }
  return {};
}

void MapStore::add_tree(Chunks& chunks, const Tree& tree, const Tree* before) {
  chunks[{kTree, tree.id, 0}] = pack_tree(tree);
  const bool same_leaves = before != nullptr && before->leaves == tree.leaves;
  in_parts(tree.leaves, [&](size_t first, size_t end) {
    chunks[{kLeaves, tree.id, tree.leaves[first].upper}] =
        same_leaves ? std::string() : pack_leaves(tree.leaves, first, end);
  });
  const bool same_marks = before != nullptr && before->marks == tree.marks;
  in_parts(tree.marks, [&](size_t first, size_t end) {
    chunks[{kMarks, tree.id, tree.marks[first].rowid}] =
        same_marks ? std::string() : pack_marks(tree.marks, first, end);
  });
}

Status MapStore::save(const StoredMap& stored, const StoredMap* before,
                      const std::vector<uint64_t>* checksums, const std::string& sync_id) {
  if (!loaded_) {
    SN_TRY(forget());
    before = nullptr;
  }
  const PageMap& map = stored.map;
  Chunks chunks;
  const auto now = static_cast<uint64_t>(BootClock::now().time_since_epoch().count());
  chunks[{kHead, 0, 0}] = pack_head(
      {sync_id, map.page_size, map.page_count, stored.position, static_cast<uint64_t>(::getpid()), now});
  for (uint32_t first = 1; first <= map.page_count; first += kPagesPerChunk) {
    const uint32_t last = std::min(map.page_count, first + (kPagesPerChunk - 1));
    const bool same = before != nullptr &&
                      std::min(before->map.page_count, first + (kPagesPerChunk - 1)) == last &&
                      std::equal(map.owner.begin() + first, map.owner.begin() + last + 1,
                                 before->map.owner.begin() + first);
    chunks[{kOwners, 0, first}] = same ? std::string() : pack_owners(map.owner, first, last);
  }
  for (const Tree& tree : map.trees) {
    const Tree* old = before != nullptr ? find_tree(before->map, tree.id) : nullptr;
    add_tree(chunks, tree, old);
  }
  for (size_t first = 0; first < stored.stale.size(); first += kUnitsPerChunk) {
    auto bits = pack_units(stored.stale, first, std::min(stored.stale.size(), first + kUnitsPerChunk));
    if (!bits.empty()) chunks[{kStale, 0, static_cast<int64_t>(first)}] = std::move(bits);
  }
  SN_TRY(write(chunks, {kOwners, kTree, kLeaves, kStale, kHead, kMarks}));
  if (checksums == nullptr) return {};
  SN_TRY(load_checksums());  // to know which chunks are there
  Chunks sums;
  for (size_t first = 0; first < checksums->size(); first += kUnitsPerChunk) {
    const size_t end = std::min(checksums->size(), first + kUnitsPerChunk);
    sums[{kChecksums, 0, static_cast<int64_t>(first)}] = pack_checksums(*checksums, first, end);
  }
  return write(sums, {kChecksums});
}

Status MapStore::forget() {
  known_.clear();
  return file_.clear();
}

}  // namespace syncnode::capture
