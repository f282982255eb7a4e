// What the tables of sync_metadata say, as views, and the small writes of the doors. Each is one statement or
// one fenced transaction on the caller's connection. The desk's thread.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/bulk_run.h"
#include "control/control.h"
#include "model/job_kind.h"
#include "model/term.h"
#include "postgres/connection.h"

namespace syncnode::control {

Result<std::vector<ClusterHostView>> read_cluster(postgres::Connection& connection,
                                                  const std::string& cluster, Deadline deadline);
Result<std::vector<DeploymentView>> read_deployments(postgres::Connection& connection,
                                                     const std::string& cluster, Deadline deadline);
// With its tables and its report. kNotFound.
Result<JobView> read_job(postgres::Connection& connection, const std::string& job_id, Deadline deadline);
// Without tables and reports, newest first; `client` "" for all.
Result<std::vector<JobView>> read_jobs(postgres::Connection& connection, const std::string& client,
                                       int64_t limit, Deadline deadline);
// Without their rows.
Result<std::vector<ConflictView>> read_conflicts(postgres::Connection& connection,
                                                 const ConflictFilter& filter, Deadline deadline);
// With its rows, by its id or the beginning of it (check_conflict_id). kNotFound; kInvalidArgument when
// several begin so.
Result<ConflictView> read_conflict(postgres::Connection& connection, const std::string& conflict_id,
                                   Deadline deadline);
struct WaitingConflicts {
  std::vector<WaitingConflict> first;
  int64_t all = 0;
};
// kNotFound: no such client.
Result<WaitingConflicts> read_waiting(postgres::Connection& connection, const BulkResolution& wanted,
                                      Deadline deadline);

// The id of a job that waits now, be it an earlier one. kNotFound; kFailedPrecondition when the client may
// not be synced; kFenced.
Result<std::string> queue_job(postgres::Connection& connection, const Term& term, const std::string& client,
                              JobKind kind, const std::string& by, Deadline deadline);
// False when it does not wait (any more).
Result<bool> cancel_waiting_job(postgres::Connection& connection, const Term& term, const std::string& job_id,
                                const std::string& by, Deadline deadline);

// Whether nodes sync the client by its interval. kNotFound: no such client, or it is being moved or stopped.
Status set_client_enabled(postgres::Connection& connection, const Term& term, const std::string& client,
                          bool enabled, Deadline deadline);

}  // namespace syncnode::control
