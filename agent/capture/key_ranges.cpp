#include "capture/key_ranges.h"

#include <utility>

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

void KeyRanges::leave_out(const std::vector<int64_t>& keys) {
  std::vector<KeyRange> kept;
  auto key = keys.begin();
  for (KeyRange range : ranges_) {
    bool rest = true;
    key = std::lower_bound(key, keys.end(), range.first);
    for (; key != keys.end() && *key <= range.last; ++key) {
      if (range.first < *key) kept.push_back({range.first, *key - 1});
      rest = *key < range.last;
      if (rest) range.first = *key + 1;
    }
    if (rest) kept.push_back(range);
  }
  ranges_ = std::move(kept);
}

bool KeyRanges::covers(int64_t key) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), key,
                                      [](int64_t k, const KeyRange& range) { return k < range.first; });
  return after != ranges_.begin() && key <= std::prev(after)->last;
}

}  // namespace syncnode::capture
