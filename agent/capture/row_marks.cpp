#include "capture/row_marks.h"

#include <algorithm>
#include <utility>

#include "codec/row_hash.h"

namespace syncnode::capture {
namespace {

// Some eight bytes a mark are then less than a thousandth of the file.
constexpr uint64_t kLongPayload = 8192;

bool is_before(const RowMark& a, const RowMark& b) {
  return a.rowid < b.rowid;
}

}  // namespace

std::optional<RowMark> mark_of(uint64_t seed, const Cell& cell) {
  if (cell.payload < kLongPayload || cell.overflow_pages == 0) return std::nullopt;
  constexpr uint64_t kMask = (uint64_t{1} << 8 * kRowMarkBytes) - 1;
  return RowMark{cell.rowid, codec::bytes_hash(seed, cell.bytes).low & kMask};
}

bool is_among(const std::vector<RowMark>& marks, const RowMark& mark) {
  const auto found = std::lower_bound(marks.begin(), marks.end(), mark, is_before);
  return found != marks.end() && *found == mark;
}

void replace_marks(std::vector<RowMark>& marks, const KeyRanges& ranges, const std::vector<RowMark>& fresh) {
  std::vector<RowMark> merged;
  merged.reserve(marks.size() + fresh.size());
  auto next = fresh.begin();
  for (const RowMark& mark : marks) {
    if (ranges.covers(mark.rowid)) continue;
    while (next != fresh.end() && next->rowid < mark.rowid) merged.push_back(*next++);
    merged.push_back(mark);
  }
  merged.insert(merged.end(), next, fresh.end());
  marks = std::move(merged);
}

}  // namespace syncnode::capture
