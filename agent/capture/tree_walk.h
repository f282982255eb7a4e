// TreeWalk: reads b-trees of a snapshot page by page, and writes down whose each page is. Refuses what
// contradicts the format, or itself (a page with two owners, a circle): kCorruption. One thread, inside the
// snapshot.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/key_ranges.h"
#include "capture/page_map.h"
#include "capture/tree_page.h"
#include "sqlite/snapshot.h"
#include "sqlite/source_pages.h"

namespace syncnode::capture {

class TreeWalk {
 public:
  // `heads`: the first four bytes of every page by its number, where somebody has read them already.
  TreeWalk(sqlite::Snapshot& snapshot, sqlite::SourcePages& pages, const std::vector<uint32_t>* heads)
      : snapshot_(snapshot), pages_(pages), heads_(heads) {}
  // What lies at the end of each page for others, so that its cells do not.
  Status begin();

  // The leaves and interior pages of a table's b-tree, by its root. Reads interior pages only.
  Status partition(Tree& tree);
  // Writes down the leaf and the pages in which its rows go on as the leaf's. Tells each row's cell and those
  // pages.
  using OnRow = std::function<void(const Cell&, const std::vector<uint32_t>& overflow)>;
  Status claim_leaf(uint32_t leaf, KeyRange rows, std::vector<uint32_t>& owner, const OnRow& on_row);
  static Status claim_interiors(const Tree& tree, std::vector<uint32_t>& owner);
  // All pages of an index's b-tree, which WITHOUT ROWID tables are, as the root's.
  Status claim_index(const Tree& tree, std::vector<uint32_t>& owner);

 private:
  Result<TreePage> read(uint32_t page);
  Status descend(Tree& tree, uint32_t page, int level, int64_t upper);
  Status claim_index_page(const Tree& tree, uint32_t page, int depth, std::vector<uint32_t>& owner);
  Status claim_chain(const Cell& cell, uint32_t leaf, std::vector<uint32_t>& owner);

  sqlite::Snapshot& snapshot_;
  sqlite::SourcePages& pages_;
  const std::vector<uint32_t>* heads_;
  uint32_t usable_ = 0;
  std::vector<std::string> buffers_;  // one a level of the way down
  size_t depth_ = 0;
  std::vector<uint32_t> chain_;  // of the cell that was claimed last
};

}  // namespace syncnode::capture
