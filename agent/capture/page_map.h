// PageMap: what capture knows of a source's pages, as of one snapshot: whose each page is, and how the leaves
// of each table part its rowids. Refuses to read or store anything. Plain value,
// one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace syncnode::capture {

// A leaf of a table's b-tree: the rowids above the one of the leaf before it, up to `upper`.
struct Leaf {
  uint32_t page = 0;
  int64_t upper = 0;
  bool operator==(const Leaf&) const = default;
};

// A long row's cell, as it was (row_marks.h).
struct RowMark {
  int64_t rowid = 0;
  uint64_t cell = 0;
  bool operator==(const RowMark&) const = default;
};

struct Tree {
  int64_t id = 0;           // in the store
  std::string source;       // the table
  std::string fingerprint;  // of its definition: another one is another table
  uint32_t root = 0;
  // A table's b-tree. Those of WITHOUT ROWID tables have no rowids: all pages are owned by the root.
  bool by_rowid = true;
  std::vector<Leaf> leaves;         // in the order of rowids, the last one's upper is the largest there is
  std::vector<uint32_t> interiors;  // in no order
  std::vector<RowMark> marks;       // by rowid
};

// The smallest rowid that belongs into a leaf.
int64_t first_key(const std::vector<Leaf>& leaves, size_t index);
// By page: those that own pages of the tree's.
void release(const Tree& tree, std::vector<bool>& released);
// What they own is nobody's.
void disown(const std::vector<bool>& released, std::vector<uint32_t>& owner);

struct PageMap {
  uint32_t page_size = 0;
  uint32_t page_count = 0;
  std::vector<Tree> trees;
  // By page, from 1: the leaf that holds it (itself, or one whose rows go on in it), an interior page itself,
  // 0 where it is nobody's or an index's.
  std::vector<uint32_t> owner;
  uint32_t owner_of(uint32_t page) const { return page < owner.size() ? owner[page] : 0; }
  // All pages that trees and owners name are in the file.
  bool is_whole() const;
};

}  // namespace syncnode::capture
