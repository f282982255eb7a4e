#include "capture/map_store.h"

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
constexpr uint32_t kPagesPerChunk = 4096;
constexpr size_t kUnitsPerChunk = 4096;
// Leaves are cut where a page number says so, not by their count: one leaf more does not move all cuts behind
// it.
constexpr uint32_t kCutMask = 511;

bool cuts(const Leaf& leaf) {
  return ((leaf.page * 2654435761U) >> 16 & kCutMask) == 0;
}

uint64_t hash_of(std::string_view bytes) {
  return codec::bytes_hash(0, bytes).low;
}

bool is_whole(const PageMap& map) {
  const auto is_there = [&](uint32_t page) { return page > 0 && page <= map.page_count; };
  return std::all_of(map.trees.begin(), map.trees.end(), [&](const Tree& tree) {
    return is_there(tree.root) && std::all_of(tree.interiors.begin(), tree.interiors.end(), is_there) &&
           std::all_of(tree.leaves.begin(), tree.leaves.end(),
                       [&](const Leaf& leaf) { return is_there(leaf.page); });
  });
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
  SN_ASSIGN(const auto leaves, read(kLeaves));
  for (const auto& [key, bytes] : leaves) {
    auto tree = std::find_if(stored.map.trees.begin(), stored.map.trees.end(),
                             [&](const Tree& t) { return t.id == key.tree; });
    if (tree == stored.map.trees.end()) {
      return Error{ErrorCode::kCorruption, "the page map has leaves of no table", "it is made anew"};
    }
    SN_TRY(unpack_leaves(bytes, tree->leaves));
  }
  if (!is_whole(stored.map)) {
    return Error{ErrorCode::kCorruption, "the page map names pages that are not in the file",
                 "it is made anew"};
  }
  SN_ASSIGN(const auto stale, read(kStale));
  for (const auto& [key, bytes] : stale)
    SN_TRY(unpack_units(bytes, static_cast<size_t>(key.first), stored.stale));
  loaded_ = true;
  return std::optional(std::move(stored));
}

Result<std::vector<uint64_t>> MapStore::load_checksums() {
  std::vector<uint64_t> sums;
  SN_ASSIGN(const auto chunks, read(kChecksums));
  for (const auto& [key, bytes] : chunks) SN_TRY(unpack_checksums(bytes, sums));
  return sums;
}

Status MapStore::write(const Chunks& chunks, int first_kind, int last_kind) {
  for (const auto& [key, bytes] : chunks) {
    if (bytes.empty()) continue;
    const auto before = known_.find(key);
    if (before == known_.end() || before->second != hash_of(bytes)) SN_TRY(file_.put(key, bytes));
  }
  for (const auto& [key, hash] : known_) {
    const bool gone = key.kind >= first_kind && key.kind <= last_kind && chunks.count(key) == 0;
    if (gone) SN_TRY(file_.remove(key));
  }
  return {};
}

Status MapStore::save(const StoredMap& stored, const StoredMap* before,
                      const std::vector<uint64_t>* checksums, const std::string& sync_id) {
  if (!loaded_) {
    SN_TRY(forget());
    before = nullptr;
  }
  const PageMap& map = stored.map;
  Chunks chunks;
  chunks[{kHead, 0, 0}] = pack_head({sync_id, map.page_size, map.page_count, stored.position});
  for (uint32_t first = 1; first <= map.page_count; first += kPagesPerChunk) {
    const uint32_t last = std::min(map.page_count, first + (kPagesPerChunk - 1));
    const bool same = before != nullptr &&
                      std::min(before->map.page_count, first + (kPagesPerChunk - 1)) == last &&
                      std::equal(map.owner.begin() + first, map.owner.begin() + last + 1,
                                 before->map.owner.begin() + first);
    chunks[{kOwners, 0, first}] = same ? std::string() : pack_owners(map.owner, first, last);
  }
  for (const Tree& tree : map.trees) {
    chunks[{kTree, tree.id, 0}] = pack_tree(tree);
    const bool same = before != nullptr &&
                      std::any_of(before->map.trees.begin(), before->map.trees.end(), [&](const Tree& other) {
                        return other.id == tree.id && other.leaves == tree.leaves;
                      });
    for (size_t first = 0; first < tree.leaves.size();) {
      size_t end = first + 1;
      while (end < tree.leaves.size() && !cuts(tree.leaves[end])) ++end;
      chunks[{kLeaves, tree.id, tree.leaves[first].upper}] =
          same ? std::string() : pack_leaves(tree.leaves, first, end);
      first = end;
    }
  }
  for (size_t first = 0; first < stored.stale.size(); first += kUnitsPerChunk) {
    auto bits = pack_units(stored.stale, first, std::min(stored.stale.size(), first + kUnitsPerChunk));
    if (!bits.empty()) chunks[{kStale, 0, static_cast<int64_t>(first)}] = std::move(bits);
  }
  SN_TRY(write(chunks, kOwners, kHead));
  if (checksums == nullptr) return {};
  SN_TRY(load_checksums());  // to know which chunks are there
  Chunks sums;
  for (size_t first = 0; first < checksums->size(); first += kUnitsPerChunk) {
    const size_t end = std::min(checksums->size(), first + kUnitsPerChunk);
    sums[{kChecksums, 0, static_cast<int64_t>(first)}] = pack_checksums(*checksums, first, end);
  }
  return write(sums, kChecksums, kChecksums);
}

Status MapStore::forget() {
  known_.clear();
  return file_.clear();
}

}  // namespace syncnode::capture
