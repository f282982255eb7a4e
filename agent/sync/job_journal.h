// JobJournal: one run as `sync_jobs` and `sync_progress` show it while it goes. Its own small transactions,
// outside the data transaction, so that others see them live. A failure to write here never fails a run, but
// is reported once. One thread; the run's main connection.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "model/job_kind.h"
#include "sync/copy_state.h"
#include "sync/run.h"

namespace syncnode::sync {

struct TableProgress {
  TableOutcome outcome;  // rows < 0: not known yet
  int64_t processed = 0;
  std::string_view status;  // "running", "success", "held"
};
// In one statement, whatever their number.
Status record_progress(postgres::Connection& connection, const std::string& job_id,
                       const std::vector<TableProgress>& tables);

class JobJournal {
 public:
  // Begins the job `options` names, or a new one of this kind. Also closes jobs of this client whose process
  // died. kCancelled when the queued job was cancelled meanwhile.
  static Result<JobJournal> start(postgres::Connection& connection, const CopyTarget& target,
                                  const RunOptions& options, JobKind kind);

  const std::string& job_id() const { return job_id_; }
  Status progress(const std::vector<TableProgress>& tables) {
    return record_progress(*connection_, job_id_, tables);
  }
  // What the sync came to, for the client: success, held, failed, fenced, starved, cancelled. `current`: the
  // copy equals a snapshot of this run.
  Status synced(std::string_view status, bool current);
  // What a verify found, a JSON text; before finish(), so that a job that is over shows it.
  Status keep_report(const std::string& report);
  // `status`: as above, or "differs" of a verify.
  Status finish(std::string_view status, std::string_view sync_type, const RunReport& report,
                const std::string& error);

 private:
  JobJournal(postgres::Connection& connection, std::string deployment, std::string job_id)
      : connection_(&connection), deployment_(std::move(deployment)), job_id_(std::move(job_id)) {}

  postgres::Connection* connection_;
  std::string deployment_;
  std::string job_id_;
};

}  // namespace syncnode::sync
