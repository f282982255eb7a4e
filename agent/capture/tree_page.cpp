#include "capture/tree_page.h"

#include "codec/bytes.h"

namespace syncnode::capture {
namespace {

constexpr size_t kCellCountOffset = 3;
constexpr size_t kRightmostOffset = 8;
constexpr size_t kLeafHeader = 8;
constexpr size_t kInteriorHeader = 12;
constexpr size_t kOverflowPointer = 4;
constexpr uint64_t kLongestPayload = (uint64_t{1} << 31) - 1;

PageKind kind_of(char byte) {
  switch (byte) {
    case 0x02:
      return PageKind::kIndexInterior;
    case 0x05:
      return PageKind::kTableInterior;
    case 0x0a:
      return PageKind::kIndexLeaf;
    case 0x0d:
      return PageKind::kTableLeaf;
    default:
      return PageKind::kOther;
  }
}

// SQLite's varint: big-endian, seven bits a byte, the ninth byte whole.
bool take_varint(std::string_view& in, uint64_t& value) {
  value = 0;
  for (int i = 0; i < 9 && !in.empty(); ++i) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    if (i == 8) {
      value = (value << 8) | byte;
      return true;
    }
    value = (value << 7) | (byte & 0x7FU);
    if (byte < 0x80) return true;
  }
  return false;
}

// How much of a payload lies in its cell (SQLite file format §1.6, "Cell payload overflow").
uint64_t local_bytes(uint64_t payload, uint64_t usable, bool table_leaf) {
  const uint64_t most = table_leaf ? usable - 35 : (usable - 12) * 64 / 255 - 23;
  if (payload <= most) return payload;
  const uint64_t least = (usable - 12) * 32 / 255 - 23;
  const uint64_t fitting = least + (payload - least) % (usable - kOverflowPointer);
  return fitting <= most ? fitting : least;
}

}  // namespace

TreePage::TreePage(std::string_view bytes, uint32_t usable) : bytes_(bytes), usable_(usable) {
  if (bytes.size() < kInteriorHeader || usable > bytes.size() || usable < 480) return;
  kind_ = kind_of(bytes.front());
  if (kind_ == PageKind::kOther) return;
  cells_ = codec::read_big_endian<uint16_t>(bytes.data() + kCellCountOffset);
  const size_t header = is_interior() ? kInteriorHeader : kLeafHeader;
  if (header + 2 * cells_ > usable) kind_ = PageKind::kOther;
}

uint32_t TreePage::rightmost_child() const {
  return codec::read_big_endian<uint32_t>(bytes_.data() + kRightmostOffset);
}

std::optional<Cell> TreePage::cell(size_t index) const {
  const size_t header = is_interior() ? kInteriorHeader : kLeafHeader;
  if (kind_ == PageKind::kOther || index >= cells_) return std::nullopt;
  const size_t start = codec::read_big_endian<uint16_t>(bytes_.data() + header + 2 * index);
  if (start < header + 2 * cells_ || start >= usable_) return std::nullopt;
  std::string_view in = bytes_.substr(start, usable_ - start);
  Cell cell;
  if (is_interior()) {
    if (in.size() < sizeof(uint32_t)) return std::nullopt;
    cell.child = codec::read_big_endian<uint32_t>(in.data());
    in.remove_prefix(sizeof(uint32_t));
  }
  if (kind_ != PageKind::kTableInterior && (!take_varint(in, cell.payload) || cell.payload > kLongestPayload))
    return std::nullopt;
  if (!is_index()) {
    uint64_t rowid = 0;
    if (!take_varint(in, rowid)) return std::nullopt;
    cell.rowid = static_cast<int64_t>(rowid);
  }
  if (kind_ == PageKind::kTableInterior) return cell;
  const uint64_t local = local_bytes(cell.payload, usable_, kind_ == PageKind::kTableLeaf);
  const bool overflows = local < cell.payload;
  const uint64_t here = local + (overflows ? kOverflowPointer : 0);
  if (in.size() < here) return std::nullopt;
  cell.bytes = bytes_.substr(start, usable_ - start - in.size() + here);
  if (!overflows) return cell;
  const uint64_t a_page = usable_ - kOverflowPointer;
  cell.first_overflow = codec::read_big_endian<uint32_t>(in.data() + local);
  cell.overflow_pages = static_cast<uint32_t>((cell.payload - local + a_page - 1) / a_page);
  return cell;
}

}  // namespace syncnode::capture
