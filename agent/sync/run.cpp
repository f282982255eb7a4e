#include "sync/run.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

#include "base/clock.h"
#include "sync/own_lease.h"
#include "sync/sync_once.h"
#include "sync/verify.h"

namespace syncnode::sync {
namespace {

constexpr std::chrono::seconds kConnectWait{20};

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return Error{ErrorCode::kFailedPrecondition, "creating '" + path + "': " + std::strerror(errno),
               "the state directory must exist and belong to the user that runs sync-node"};
}

// One client's run: where it reads and writes, on a connection of its own, until `stop` or a lost term ends
// it.
class ClientRun {
 public:
  ClientRun(const RunOptions& options, Log& log, Progress& progress, const std::stop_token& stop)
      : options_(options),
        log_(log),
        progress_(progress),
        cancel_(stop, [this] { stop_.request_stop(); }),
        connect_{options.database_url, options.application_name} {}

  Status begin() {
    progress_.phase("connecting");
    SN_ASSIGN(auto connection,
              postgres::Connection::open(connect_, deadline_in(kConnectWait), stop_.get_token()));
    connection_.emplace(std::move(connection));
    SN_ASSIGN(target_.deployment, find_deployment(*connection_, options_.client_name));
    if (options_.sqlite_path) target_.deployment.sqlite_path = *options_.sqlite_path;
    if (target_.deployment.sqlite_path.empty()) {
      return Error{ErrorCode::kFailedPrecondition, "client '" + options_.client_name + "' has no SQLite path",
                   "register it with --sqlite-path FILE, or give --sqlite-path now"};
    }
    directory_ = options_.state_directory + "/clients";
    SN_TRY(make_directory(directory_));
    directory_ += "/" + target_.deployment.schema;
    return make_directory(directory_);
  }

  Status take_lease() {
    SN_ASSIGN(auto lease, OwnLease::take(options_, connect_, *connection_, progress_, stop_));
    lease_.emplace(std::move(lease));
    target_.term = lease_->term();
    return {};
  }
  void work_under(const Term& term) { target_.term = term; }

  SyncContext context() {
    return {connect_, *connection_, target_,   directory_,       target_.deployment.sqlite_path,
            options_, log_,         progress_, stop_.get_token()};
  }

  // What really ended the run: a lost lease shows up as a stopped or fenced step.
  Error explain(const Error& error) const {
    auto loss = lease_ ? lease_->loss() : std::nullopt;
    if (!loss || (error.code != ErrorCode::kCancelled && error.code != ErrorCode::kFenced)) return error;
    return Error{ErrorCode::kFenced, "the lease was lost: " + loss->message,
                 "the node that leads now goes on; run again later"};
  }

 private:
  const RunOptions& options_;
  Log& log_;
  Progress& progress_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> cancel_;
  postgres::ConnectOptions connect_;
  std::optional<postgres::Connection> connection_;
  CopyTarget target_;
  std::string directory_;
  std::optional<OwnLease> lease_;
};

std::string_view sync_type(const RunReport& report, const RunOptions& options) {
  if (options.full || report.mode == "first load") return "full";
  return report.mode == "recheck" ? "recheck" : "incremental";
}

// One sync with its job row. What the journal cannot record is logged, once, and does not change the outcome.
Status run_journaled(ClientRun& run, SyncContext& context, RunReport& report,
                     std::unique_ptr<SyncOnce>& once) {
  SN_ASSIGN(auto journal, JobJournal::start(context.connection, context.target, context.options));
  report.job_id = journal.job_id();
  context.progress.job(report.job_id);
  report.epoch = context.target.term.epoch;
  once = std::make_unique<SyncOnce>(context, journal);
  auto started = BootClock::now();
  Status done = once->run(report);
  report.seconds = std::chrono::duration<double>(BootClock::now() - started).count();
  report.bytes_sent += context.connection.bytes_sent();
  report.bytes_received += context.connection.bytes_received();
  Error error;
  if (!done) error = run.explain(done.error());
  std::string_view status = done ? (report.held() ? "held" : "success") : status_word(error.code);
  Status recorded = journal.finish(status, sync_type(report, context.options), report,
                                   done ? "" : error.to_string(), done.has_value());
  if (!recorded)
    context.log.warning("the job could not be recorded: " + recorded.error().to_string() + ", ignoring");
  return done ? Status() : Status(std::move(error));
}

Result<RunReport> synced(ClientRun& run) {
  SyncContext context = run.context();
  RunReport report;
  std::unique_ptr<SyncOnce> once;
  SN_TRY(run_journaled(run, context, report, once));
  return report;
}

}  // namespace

std::string_view status_word(ErrorCode code) {
  switch (code) {
    case ErrorCode::kFenced:
      return "fenced";
    case ErrorCode::kStarved:
      return "starved";
    case ErrorCode::kCancelled:
      return "cancelled";
    default:
      return "failed";
  }
}

bool RunReport::held() const {
  return std::any_of(tables.begin(), tables.end(), [](const TableOutcome& table) { return table.waiting; });
}

bool VerifyReport::equal() const {
  return std::all_of(tables.begin(), tables.end(), [](const TableVerdict& table) { return table.equal(); });
}

Result<RunReport> run_sync(const RunOptions& options, Log& log, Progress& progress,
                           const std::stop_token& stop) {
  ClientRun run(options, log, progress, stop);
  SN_TRY(run.begin());
  SN_TRY(run.take_lease());
  return synced(run);
}

Result<RunReport> run_sync_under(const Term& term, const RunOptions& options, Log& log, Progress& progress,
                                 const std::stop_token& stop) {
  ClientRun run(options, log, progress, stop);
  SN_TRY(run.begin());
  run.work_under(term);
  return synced(run);
}

Result<VerifyReport> run_verify(const RunOptions& options, Log& log, Progress& progress,
                                const std::stop_token& stop) {
  auto started = BootClock::now();
  ClientRun run(options, log, progress, stop);
  SN_TRY(run.begin());
  SN_TRY(run.take_lease());
  SyncContext context = run.context();
  RunReport synced;
  std::unique_ptr<SyncOnce> once;
  SN_TRY(run_journaled(run, context, synced, once));
  if (once->memory().generation_unknown()) {
    return Error{ErrorCode::kAborted, "the local memory does not describe what was shipped", "verify again"};
  }
  progress.phase("verifying");
  VerifyReport report;
  report.generation = synced.generation;
  report.skipped = synced.skipped;
  SN_ASSIGN(report.tables,
            verify_tables(context.connection, context.target, once->memory(), synced.generation, progress));
  report.seconds = std::chrono::duration<double>(BootClock::now() - started).count();
  return report;
}

}  // namespace syncnode::sync
