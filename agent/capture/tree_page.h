// TreePage: one page of a b-tree as bytes (SQLite file format §1.6): its kind, its children, where its cells'
// payload goes on. Refuses to trust a single byte of it: what contradicts the format is nothing. Borrows the
// bytes; pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace syncnode::capture {

enum class PageKind : uint8_t {
  kIndexInterior = 0x02,
  kTableInterior = 0x05,
  kIndexLeaf = 0x0a,
  kTableLeaf = 0x0d,
  kOther = 0
};

struct Cell {
  int64_t rowid = 0;            // of a table's cell; interior: the largest rowid below `child`
  uint32_t child = 0;           // of an interior cell
  uint32_t first_overflow = 0;  // 0: all payload is in the cell
  uint32_t overflow_pages = 0;
  uint64_t payload = 0;    // bytes, of a leaf's cell
  std::string_view bytes;  // of a leaf's cell: all of it that lies in the page, with the pointer to the rest
};

class TreePage {
 public:
  // `bytes` is one whole page, and not page 1; `usable` what is left of it without the reserved end.
  TreePage(std::string_view bytes, uint32_t usable);

  PageKind kind() const { return kind_; }  // kOther: no b-tree page, or a damaged header
  bool is_interior() const { return kind_ == PageKind::kIndexInterior || kind_ == PageKind::kTableInterior; }
  bool is_index() const { return kind_ == PageKind::kIndexInterior || kind_ == PageKind::kIndexLeaf; }
  size_t cells() const { return cells_; }
  std::optional<Cell> cell(size_t index) const;  // nothing: damaged
  uint32_t rightmost_child() const;              // of an interior page

 private:
  std::string_view bytes_;
  uint32_t usable_;
  PageKind kind_ = PageKind::kOther;
  size_t cells_ = 0;
};

}  // namespace syncnode::capture
