// Merging a row column by column, and saying which column came from where. A text column whose values on both
// sides are JSON objects or arrays is merged as JSON when a rule speaks of it, and written back as text.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "conflict/json_merge.h"
#include "conflict/row_images.h"

namespace syncnode::conflict {

// Where a column's value is to be taken from. JSON text and big decimals do not survive being parsed byte for
// byte, so what one side has is better copied from there; only kMerged is in the JSON alone.
struct MergedColumn {
  enum class Origin { kSource, kTarget, kMerged };  // equal on both sides: kTarget
  std::string name;
  Origin origin = Origin::kTarget;
  bool operator==(const MergedColumn&) const = default;
};

struct MergedRow {
  Json row;  // every column
  std::vector<MergedColumn> columns;
  std::string account;  // "changed by the source alone: title; merged: chat"
};

// Both sides must exist.
MergedRow merge_row(const RowImages& images, const std::vector<MergeRule>& rules, Side newest);

}  // namespace syncnode::conflict
