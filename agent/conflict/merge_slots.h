// Slots: which elements of the three versions of an array, or members of an object, stand for each other, and
// in which order the merged ones come. Borrows the values. One thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "conflict/json_equal.h"
#include "conflict/json_merge.h"

namespace syncnode::conflict {

// One element or member.
struct Slot {
  Versions versions;
  bool keyed = true;      // has a name or an id: its versions may differ. Else all versions are equal.
  std::string_view name;  // of a member
};

struct Slots {
  std::vector<Slot> all;   // the base's in its order, then what the source added, then what the target added
  size_t first_added = 0;  // where the source's additions begin
  size_t first_of_target = 0;

  // The order of the result: the base's, then the additions of both, interleaved by their times when every
  // one of them has a `timestamp` or `created_at`, keeping the order within each side.
  std::vector<size_t> order() const;
};

Slots slots_of_objects(const Versions& objects);

// Objects with an `id` (text or whole number) stand for each other by it; everything else by equality. When
// `repeats` is false, equal elements without an id are one; else the n-th stands for the n-th.
Slots slots_of_arrays(const Versions& arrays, bool repeats);

}  // namespace syncnode::conflict
