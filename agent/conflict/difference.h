// What differs between the three images of a row, place by place, for a person who has to decide. Looks into
// JSON; lists and messages by id are summed up ("+ 2 messages (3f2a9c1e…, 77b01d44…)"), long texts are shown
// where they part. Refuses to be read back: values are shortened and control characters are written out.
// Plain values, any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conflict/row_images.h"

namespace syncnode::conflict {

struct Difference {
  std::string path;  // "title", "chat.history.messages"; "" is the row as a whole
  std::optional<std::string> base, source, target;  // as shown; nothing: not there
  bool source_changed = false;                      // from the base
  bool target_changed = false;
};

// In the order of the columns. A side that deleted the row is said once, at the top, and then left out.
std::vector<Difference> differences(const RowImages& images);

// Lines of at most 100 columns, each ended:
//   title
//     base    "Plans"
//     source  "Plans for May"
//     target  as base
std::string to_lines(const std::vector<Difference>& differences);

}  // namespace syncnode::conflict
