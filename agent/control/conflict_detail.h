// ConflictDetail: one conflict with its rows, and what differs in them place by place, for a person who has
// to decide; the same behind every door and command. Refuses to guess: of rows that were not recorded nothing
// differs. Plain values, any thread.
#pragma once

#include <vector>

#include "conflict/difference.h"
#include "control/views.h"
#include "json/json.h"

namespace syncnode::control {

struct ConflictDetail {
  ConflictView view;  // with its rows
  std::vector<conflict::Difference> differences;
};

// Were its rows recorded? A row that a side deleted is not there, but the other side's is.
bool has_rows(const ConflictView& view);
ConflictDetail detail_of(ConflictView view);
// [{"path", "base", "source", "target", "source_changed", "target_changed"}, …]; the row as a whole has the
// path "".
json::Json differences_document(const ConflictDetail& detail);

}  // namespace syncnode::control
