#include "capture/tree_walk.h"

#include <limits>

#include "codec/bytes.h"

namespace syncnode::capture {
namespace {

constexpr int kDeepest = 20;  // SQLite's own limit (BTCURSOR_MAX_DEPTH)
constexpr uint32_t kReservedOffset = 20;

Error damaged(uint32_t page, const char* what) {
  return {ErrorCode::kCorruption, "page " + std::to_string(page) + " " + what, ""};
}

Status claim(uint32_t page, uint32_t by, std::vector<uint32_t>& owner) {
  if (page < 2 || page >= owner.size()) return damaged(page, "is not in the file");
  if (owner[page] != 0) return damaged(page, "has two owners");
  owner[page] = by;
  return {};
}

}  // namespace

Status TreeWalk::begin() {
  char header[kReservedOffset + 1];
  SN_TRY(pages_.read(1, header, sizeof header));
  usable_ = pages_.page_size() - static_cast<unsigned char>(header[kReservedOffset]);
  return {};
}

// The page is valid until a page of the same depth is read.
Result<TreePage> TreeWalk::read(uint32_t page) {
  SN_TRY(snapshot_.breathe());
  if (page == 1) return damaged(page, "is the schema's");
  if (buffers_.size() <= depth_) buffers_.resize(depth_ + 1);
  std::string& buffer = buffers_[depth_];
  buffer.resize(pages_.page_size());
  SN_TRY(pages_.read(page, buffer.data(), buffer.size()));
  return TreePage(buffer, usable_);
}

Status TreeWalk::partition(Tree& tree) {
  depth_ = 0;
  tree.leaves.clear();
  tree.interiors.clear();
  // All leaves are equally deep: the way to the first one tells how far down interior pages go.
  int levels = 0;
  for (uint32_t page = tree.root;; ++levels) {
    if (levels > kDeepest) return damaged(tree.root, "is the root of a tree without leaves");
    SN_ASSIGN(const TreePage first, read(page));
    if (first.kind() == PageKind::kTableLeaf) break;
    if (first.kind() != PageKind::kTableInterior) return damaged(page, "is no page of a table");
    const auto cell = first.cell(0);
    if (first.cells() > 0 && !cell) return damaged(page, "has a damaged cell");
    page = first.cells() > 0 ? cell->child : first.rightmost_child();
  }
  return descend(tree, tree.root, levels, std::numeric_limits<int64_t>::max());
}

Status TreeWalk::descend(Tree& tree, uint32_t page, int level, int64_t upper) {
  if (tree.leaves.size() + tree.interiors.size() > pages_.page_count())
    return damaged(page, "is in a circle");
  if (level == 0) {
    const bool in_order = tree.leaves.empty() || tree.leaves.back().upper < upper;
    if (!in_order) return damaged(page, "is out of order");
    tree.leaves.push_back({page, upper});
    return {};
  }
  tree.interiors.push_back(page);
  SN_ASSIGN(const TreePage interior, read(page));
  if (interior.kind() != PageKind::kTableInterior) return damaged(page, "is no interior page of a table");
  ++depth_;
  for (size_t i = 0; i < interior.cells(); ++i) {
    const auto cell = interior.cell(i);
    if (!cell) return damaged(page, "has a damaged cell");
    SN_TRY(descend(tree, cell->child, level - 1, cell->rowid));
  }
  const uint32_t last = interior.rightmost_child();
  --depth_;
  return descend(tree, last, level - 1, upper);
}

Status TreeWalk::claim_interiors(const Tree& tree, std::vector<uint32_t>& owner) {
  for (const uint32_t page : tree.interiors) SN_TRY(claim(page, page, owner));
  return {};
}

Status TreeWalk::claim_leaf(uint32_t leaf, KeyRange rows, std::vector<uint32_t>& owner, const OnRow& on_row) {
  SN_TRY(claim(leaf, leaf, owner));
  depth_ = 0;
  SN_ASSIGN(const TreePage page, read(leaf));
  if (page.kind() != PageKind::kTableLeaf) return damaged(leaf, "is no leaf of a table");
  int64_t before = rows.first;
  for (size_t i = 0; i < page.cells(); ++i) {
    const auto cell = page.cell(i);
    if (!cell) return damaged(leaf, "has a damaged cell");
    // A row at a place where no search finds it is seen by those alone who read all rows.
    const bool in_place =
        cell->rowid <= rows.last && (i == 0 ? cell->rowid >= rows.first : cell->rowid > before);
    if (!in_place) return damaged(leaf, "has a row out of order");
    before = cell->rowid;
    SN_TRY(claim_chain(*cell, leaf, owner));
    on_row(*cell, chain_);
  }
  return {};
}

Status TreeWalk::claim_chain(const Cell& cell, uint32_t leaf, std::vector<uint32_t>& owner) {
  chain_.clear();
  uint32_t page = cell.first_overflow;
  for (uint32_t left = cell.overflow_pages; left > 0; --left) {
    SN_TRY(claim(page, leaf, owner));
    chain_.push_back(page);
    if (left == 1) break;
    if (heads_ != nullptr) {
      page = (*heads_)[page];
      continue;
    }
    char next[sizeof(uint32_t)];
    SN_TRY(pages_.read(page, next, sizeof next));
    page = codec::read_big_endian<uint32_t>(next);
  }
  return {};
}

Status TreeWalk::claim_index(const Tree& tree, std::vector<uint32_t>& owner) {
  depth_ = 0;
  return claim_index_page(tree, tree.root, 0, owner);
}

Status TreeWalk::claim_index_page(const Tree& tree, uint32_t page, int depth, std::vector<uint32_t>& owner) {
  if (depth > kDeepest) return damaged(page, "is in a circle");
  SN_TRY(claim(page, tree.root, owner));
  depth_ = static_cast<size_t>(depth);
  SN_ASSIGN(const TreePage read_page, read(page));
  if (!read_page.is_index()) return damaged(page, "is no page of an index");
  for (size_t i = 0; i < read_page.cells(); ++i) {
    const auto cell = read_page.cell(i);
    if (!cell) return damaged(page, "has a damaged cell");
    SN_TRY(claim_chain(*cell, tree.root, owner));
    if (read_page.is_interior()) SN_TRY(claim_index_page(tree, cell->child, depth + 1, owner));
  }
  if (!read_page.is_interior()) return {};
  return claim_index_page(tree, read_page.rightmost_child(), depth + 1, owner);
}

}  // namespace syncnode::capture
