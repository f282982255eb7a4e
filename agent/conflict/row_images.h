// RowImages: one row as it was when both sides last agreed, as the source has it, and as the target has it;
// each an object of column → value as PostgreSQL's row_to_json() writes it. Plain value, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "json/json.h"

namespace syncnode::conflict {

using json::Json;

struct RowImages {
  std::optional<Json> base, source, target;  // nothing: the row does not exist there
  bool base_not_kept = false;                // there was a base, but its image is not known
};

enum class ConflictKind {
  kUpdateUpdate,
  kUpdateDelete,  // the source changed it, the target deleted it
  kDeleteUpdate,  // the source deleted it, the target changed it
  kInsertInsert   // no base, both have it
};

// Nothing: no conflict. Both sides are equal, or one of them is what the base was.
std::optional<ConflictKind> conflict_kind(const RowImages& images);

// conflict_log.conflict_type: "update_conflict", "delete_conflict", "constraint_violation".
std::string_view conflict_type(ConflictKind kind);

}  // namespace syncnode::conflict
