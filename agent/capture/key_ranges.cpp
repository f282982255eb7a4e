#include "capture/key_ranges.h"

namespace syncnode::capture {

void KeyRanges::settle() {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const KeyRange& a, const KeyRange& b) { return a.first < b.first; });
  size_t kept = 0;
  for (const KeyRange& range : ranges_) {
    const bool joins = kept > 0 && (ranges_[kept - 1].last == std::numeric_limits<int64_t>::max() ||
                                    range.first <= ranges_[kept - 1].last + 1);
    if (joins) {
      ranges_[kept - 1].last = std::max(ranges_[kept - 1].last, range.last);
    } else {
      ranges_[kept++] = range;
    }
  }
  ranges_.resize(kept);
}

bool KeyRanges::covers(int64_t key) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), key,
                                      [](int64_t k, const KeyRange& range) { return k < range.first; });
  return after != ranges_.begin() && key <= std::prev(after)->last;
}

}  // namespace syncnode::capture
