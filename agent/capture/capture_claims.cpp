// Capture, whose the pages are that lie in leaves: written down for a whole map at once, or for a load as it
// comes to them.
#include <algorithm>

#include "capture/capture.h"
#include "capture/row_marks.h"
#include "capture/tree_walk.h"

namespace syncnode::capture {

// Of one table, leaves in the order of their rowids.
struct Capture::Claims {
  TreeWalk& walk;
  Tree& tree;
  KeyRanges ranges;  // of the leaves that were claimed
  std::vector<RowMark> marks;
};

Result<TreeWalk> Capture::walk(sqlite::Snapshot& snapshot) {
  SN_ASSIGN(auto* pages, snapshot.pages());
  TreeWalk walk(snapshot, *pages, heads_ ? &*heads_ : nullptr);
  SN_TRY(walk.begin());
  return walk;
}

// Adds to `pages` what is the leaf's, where it was nobody's.
Status Capture::claim_next(Claims& claims, size_t leaf, size_t& pages) {
  const Leaf& entry = claims.tree.leaves[leaf];
  if (now_.map.owner_of(entry.page) != 0) return {};
  const KeyRange rows{first_key(claims.tree.leaves, leaf), entry.upper};
  ++pages;
  SN_TRY(claims.walk.claim_leaf(entry.page, rows, now_.map.owner,
                                [&](const Cell& cell, const std::vector<uint32_t>& overflow) {
                                  pages += overflow.size();
                                  if (const auto row = mark_of(memory_.seed(), cell))
                                    claims.marks.push_back(*row);
                                }));
  claims.ranges.add(rows);
  return {};
}

void Capture::settle(Claims& claims) {
  claims.ranges.settle();
  replace_marks(claims.tree.marks, claims.ranges, claims.marks);
}

Status Capture::claim_tree(TreeWalk& walk, Tree& tree) {
  Claims claims{walk, tree, {}, {}};
  size_t pages = 0;
  for (size_t leaf = 0; leaf < tree.leaves.size(); ++leaf) SN_TRY(claim_next(claims, leaf, pages));
  settle(claims);
  return {};
}

Status Capture::claim_rest(sqlite::Snapshot& snapshot) {
  SN_ASSIGN(auto walk, this->walk(snapshot));
  for (Tree& tree : now_.map.trees) SN_TRY(claim_tree(walk, tree));
  return {};
}

void Capture::forget_table(const std::string& table) {
  auto& trees = now_.map.trees;
  std::vector<bool> released(now_.map.owner.size());
  for (const Tree& tree : trees) {
    if (tree.source == table) release(tree, released);
  }
  disown(released, now_.map.owner);
  std::erase_if(trees, [&](const Tree& tree) { return tree.source == table; });
}

size_t Capture::first_leaf_above(const Tree& tree, std::optional<int64_t> after) {
  if (!after) return 0;
  const auto found = std::find_if(tree.leaves.begin(), tree.leaves.end() - 1,
                                  [&](const Leaf& leaf) { return leaf.upper > *after; });
  return static_cast<size_t>(found - tree.leaves.begin());
}

Result<std::optional<Capture::Part>> Capture::part_of(sqlite::Snapshot& snapshot, const std::string& table,
                                                      std::optional<int64_t> after, size_t most_bytes) {
  const auto none = std::optional<Part>();
  Tree* tree = tree_of(table);
  if (tree == nullptr) return none;
  std::vector<uint32_t> owned(now_.map.owner.size());
  for (const uint32_t owner : now_.map.owner) ++owned[owner];
  SN_ASSIGN(auto walk, this->walk(snapshot));
  Claims claims{walk, *tree, {}, {}};
  const size_t first = first_leaf_above(*tree, after);
  size_t end = first;
  for (size_t pages = 0; end < tree->leaves.size(); ++end) {
    pages += owned[tree->leaves[end].page];
    const Status claimed = claim_next(claims, end, pages);
    if (!claimed && claimed.error().code != ErrorCode::kCorruption) return claimed.error();
    if (!claimed) {
      forget_table(table);  // a map that contradicts itself is none
      return none;
    }
    if (end > first && pages * now_.map.page_size > most_bytes) break;
  }
  settle(claims);
  return std::optional(part(*tree, first, end));
}

}  // namespace syncnode::capture
