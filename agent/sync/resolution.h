// A person's decision about one conflict that waits, carried out: the row, its edits and the log in one
// fenced transaction, beside whatever sync runs. Refuses a row that is not what the person saw. Blocking; one
// thread.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "conflict/policy.h"
#include "model/term.h"
#include "postgres/connection.h"

namespace syncnode::sync {

struct ConflictChoice {
  std::string conflict_id;
  std::string choice;              // "source", "target", "merge", "value"
  std::string value;               // of "value": a JSON object, column → value; others stay as they are
  std::optional<int64_t> version;  // that the person saw; nothing: whatever it is
  std::string by;
};

// False: it had been decided so before, which is no error. kNotFound; kAborted: somebody edited the row, or
// its source changed, since the person looked (the log has what it is now); kFailedPrecondition: decided
// otherwise before; kInvalidArgument: the value; kFenced.
Result<bool> resolve_conflict(postgres::Connection& connection, const Term& term,
                              const conflict::Policy& policy, const ConflictChoice& choice,
                              Deadline deadline);

}  // namespace syncnode::sync
