// decide(): what becomes of one row that changed on both sides, under its table's policy. Refuses to read a
// clock or a database: everything it looks at is passed in, so the same input gives the same answer on either
// node. The written rules are in docs/CONFLICTS.md. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conflict/moment.h"
#include "conflict/policy.h"
#include "conflict/row_images.h"
#include "conflict/row_merge.h"

namespace syncnode::conflict {

enum class Winner {
  kSource,  // the copy becomes what the source has; where the source deleted the row, it goes
  kTarget,  // the copy stays as it is; where the target deleted the row, it stays away
  kMerged,  // the copy becomes `merged`
  kWaits    // the copy stays as it is until a person decides
};

std::string_view to_string(Winner winner);  // "source", "target", "merged", "waits"

struct Decision {
  ConflictKind kind = ConflictKind::kUpdateUpdate;
  Winner winner = Winner::kWaits;
  std::optional<Json> merged;         // kMerged only: the whole row
  std::vector<MergedColumn> columns;  // kMerged only: where each of its columns comes from
  std::string notes;                  // one sentence for a person: how it was decided
};

struct Context {
  Instant now;  // for times that lie in the future
};

// Nothing: the images are no conflict (conflict_kind()).
std::optional<Decision> decide(const TablePolicy& policy, const RowImages& images, const Context& context);

}  // namespace syncnode::conflict
