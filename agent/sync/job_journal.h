// JobJournal: one run as `sync_jobs` and `sync_progress` show it while it goes. Its own small transactions,
// outside the data transaction, so that others see them live; how it ended travels behind COMMIT. A failure
// to write here never fails a run, but is reported once. One thread; the run's main connection.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "model/job_kind.h"
#include "postgres/pipeline.h"
#include "postgres/script.h"
#include "sync/copy_state.h"
#include "sync/run.h"

namespace syncnode::sync {

struct TableProgress {
  TableOutcome outcome;  // rows < 0: not known yet
  int64_t processed = 0;
  std::string_view status;  // "running", "success", "held"
};
// In one statement, whatever their number.
Status record_progress(postgres::Pipeline& pipeline, const std::string& job_id,
                       const std::vector<TableProgress>& tables);

// How a run ended that did what it should: "success", "held", "conflicts".
std::string_view word_of(const RunReport& report);

class JobJournal {
 public:
  // Begins the job `options` names, or a new one of this kind, as one statement of a script. Also closes jobs
  // of this client whose process died.
  static void ask(postgres::Script& script, const RunOptions& options, const Term& term, JobKind kind);
  // Its answer. kCancelled when the queued job was cancelled meanwhile.
  static Result<JobJournal> begun(const postgres::Rows& rows, postgres::Connection& connection,
                                  const RunOptions& options, JobKind kind, std::string deployment);

  const std::string& job_id() const { return job_id_; }
  // What is under way, before it is.
  Status running(const std::vector<TableOutcome>& tables);
  // For what follows the COMMIT of a sync that did what it should: its tables, what it came to for the
  // client, and, but of a verify, how the job ended. told() once it is known to have been said.
  postgres::Script closing(const RunReport& report) const;
  void told() { told_ = true; }
  bool is_told() const { return told_; }
  // What the sync came to, for the client: success, held, failed, starved, cancelled; of one that was fenced
  // nothing. `current`: the copy equals a snapshot of this run.
  Status synced(std::string_view status, bool current);
  // What a verify found, a JSON text; before finish(), so that a job that is over shows it.
  Status keep_report(const std::string& report);
  // `status`: as above, or "differs" of a verify.
  Status finish(std::string_view status, const RunReport& report, const std::string& error);
  // Both, of a sync, in one exchange.
  Status end(std::string_view status, bool current, const RunReport& report, const std::string& error);

 private:
  JobJournal(postgres::Connection& connection, std::string deployment, std::string job_id, JobKind kind)
      : connection_(&connection),
        deployment_(std::move(deployment)),
        job_id_(std::move(job_id)),
        kind_(kind) {}
  void add_synced(postgres::Script& script, std::string_view status, bool current) const;
  void add_finish(postgres::Script& script, std::string_view status, const RunReport& report,
                  const std::string& error) const;
  Status say(const postgres::Script& script);

  postgres::Connection* connection_;
  std::string deployment_;
  std::string job_id_;
  JobKind kind_;
  bool told_ = false;
};

}  // namespace syncnode::sync
