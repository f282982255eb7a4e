// Row marks: of a row whose payload goes on in overflow pages, what its cell was (docs/capture.md, "Long
// rows"). A leaf that was written holds several rows; with equal cells, and overflow pages that nobody wrote,
// a long one of them is what it was, and need not be read. Short rows have none: to read them costs less than
// to remember them. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "capture/key_ranges.h"
#include "capture/page_map.h"
#include "capture/tree_page.h"

namespace syncnode::capture {

inline constexpr size_t kRowMarkBytes = 6;

// Nothing: a short row.
std::optional<RowMark> mark_of(uint64_t seed, const Cell& cell);
bool is_among(const std::vector<RowMark>& marks, const RowMark& mark);
// What is known of rowids in `ranges` is `fresh` (by rowid) from here on.
void replace_marks(std::vector<RowMark>& marks, const KeyRanges& ranges, const std::vector<RowMark>& fresh);

}  // namespace syncnode::capture
