// Opening: what a run asks and says before it reads, in one exchange: which client it is, its job, what the
// copy says of itself, what operators decided. Refuses to judge the answers. One thread, the connection's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/job_kind.h"
#include "sync/brake.h"
#include "sync/copy_state.h"
#include "sync/job_journal.h"
#include "sync/run.h"

namespace syncnode::sync {

struct Opening {
  Deployment deployment;
  JobJournal journal;  // its job has begun
  Result<CopyState> state;
  std::vector<HeldDecision> decisions;
};

// `known`: the client, where it was asked for before. Otherwise the name of its schema is derived from its
// own, as the database does it; where that is not what it has, it takes exchanges more. A copy whose state
// cannot be read is an error of the begun job: of `state`. `meanwhile`: done while the server is at it,
// without the connection.
Result<Opening> open_run(postgres::Connection& connection, const RunOptions& options, const Term& term,
                         JobKind kind, const std::optional<Deployment>& known,
                         const std::function<void()>& meanwhile);

// What sync_metadata.client_schema_name() makes of a name that it accepts.
std::string derived_schema(std::string_view client_name);

}  // namespace syncnode::sync
