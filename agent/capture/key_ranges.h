// KeyRanges: which rowids of a table may have changed. Sorted, apart from one another, both ends included.
// Plain value, any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace syncnode::capture {

struct KeyRange {
  int64_t first = 0;
  int64_t last = 0;
  bool operator==(const KeyRange&) const = default;
};

class KeyRanges {
 public:
  // In any order; empty ranges (first > last) are none.
  void add(KeyRange range) {
    if (range.first <= range.last) ranges_.push_back(range);
  }
  // Sorts, and joins what touches. To be called before the others.
  void settle();
  // Without these, sorted.
  void leave_out(const std::vector<int64_t>& keys);

  const std::vector<KeyRange>& list() const { return ranges_; }
  bool empty() const { return ranges_.empty(); }
  bool covers(int64_t key) const;

 private:
  std::vector<KeyRange> ranges_;
};

}  // namespace syncnode::capture
