#include "sync/run.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "model/job_kind.h"
#include "sync/client_policy.h"
#include "sync/opening.h"
#include "sync/own_lease.h"
#include "sync/sync_once.h"
#include "sync/verify.h"
#include "sync/verify_report.h"

namespace syncnode::sync {
namespace {

constexpr std::chrono::seconds kConnectWait{20};

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return Error{ErrorCode::kFailedPrecondition, "creating '" + path + "': " + std::strerror(errno),
               "the state directory must exist and belong to the user that runs sync-node"};
}

// What the journal cannot record does not change the outcome.
void expect_recorded(Log& log, const Status& recorded) {
  if (recorded) return;
  log.warning("the job could not be recorded: " + recorded.error().to_string() + ", ignoring");
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
        connect_{options.database_url, options.application_name, options.gives_way_to} {}

  // Before a lease is taken for it: a client that cannot be synced needs none.
  Status begin() {
    std::optional<postgres::Connection> none;
    SN_TRY(connect(none));
    SN_ASSIGN(target_.deployment, find_deployment(*connection_, options_.client_name));
    SN_TRY(prepare());
    found_ = target_.deployment;
    return {};
  }
  Status connect(std::optional<postgres::Connection>& lent) {
    progress_.phase("connecting");
    auto open = std::exchange(lent, std::nullopt);
    if (open && open->alive()) {
      connection_ = std::move(open);
      connection_->stop_with(stop_.get_token());
      connection_->count_anew();
    } else {
      SN_ASSIGN(auto connection,
                postgres::Connection::open(connect_, deadline_in(kConnectWait), stop_.get_token()));
      connection_.emplace(std::move(connection));
    }
    return {};
  }

  // From here on there is a job, which is told whatever becomes of the run.
  Result<Opening> open(JobKind kind) {
    SN_ASSIGN(auto opening,
              open_run(*connection_, options_, target_.term, kind, found_, [this] { open_memory_ahead(); }));
    progress_.job(opening.journal.job_id());
    target_.deployment = opening.deployment;
    Status ready = opening.state ? Status() : Status(opening.state.error());
    if (ready) ready = prepare();
    drop_foreign_memory();
    if (ready) return opening;
    RunReport nothing;
    expect_recorded(log_, opening.journal.end(status_word(ready.error().code), false, nothing,
                                              ready.error().to_string()));
    return std::move(ready).error();
  }

  Status prepare() {
    SN_TRY(choose_policy());
    if (options_.sqlite_path) target_.deployment.sqlite_path = *options_.sqlite_path;
    if (target_.deployment.sqlite_path.empty()) {
      return Error{ErrorCode::kFailedPrecondition, "client '" + options_.client_name + "' has no SQLite path",
                   "register it with --sqlite-path FILE, or give --sqlite-path now"};
    }
    SN_TRY(make_directory(options_.state_directory + "/clients"));
    directory_ = directory_of(target_.deployment.schema);
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
    return {connect_,          *connection_, target_,   directory_,        target_.deployment.sqlite_path,
            options_,          log_,         progress_, stop_.get_token(), policy_,
            std::move(memory_)};
  }

  // Known before anything is read: a policy that cannot be understood must not come to light in the middle of
  // a conflict.
  Status choose_policy() {
    const auto& host = options_.policy ? *options_.policy : conflict::built_in_policy();
    SN_ASSIGN(policy_, client_policy(host, target_.deployment));
    return {};
  }

  // The last thing: for the caller's next run. Behind a pooler, who holds a connection takes it from others.
  void give_back(std::optional<postgres::Connection>& lent) {
    if (!connection_ || !connection_->is_direct() || !connection_->alive()) return;
    connection_->stop_with({});
    lent = std::exchange(connection_, std::nullopt);
  }

  // What really ended the run: a lost lease shows up as a stopped or fenced step.
  Error explain(const Error& error) const {
    auto loss = lease_ ? lease_->loss() : std::nullopt;
    if (!loss || (error.code != ErrorCode::kCancelled && error.code != ErrorCode::kFenced)) return error;
    return Error{ErrorCode::kFenced, "the lease was lost: " + loss->message,
                 "the node that leads now goes on; run again later"};
  }

 private:
  std::string directory_of(const std::string& schema) const {
    return options_.state_directory + "/clients/" + schema;
  }

  // While the server answers which client it is: most likely the one that its name tells, and there as it was
  // left.
  void open_memory_ahead() {
    directory_ahead_ = directory_of(found_ ? found_->schema : derived_schema(options_.client_name));
    memory_ = memory::Memory::open_settled(directory_ahead_);
  }
  void drop_foreign_memory() {
    const bool ours =
        memory_ && directory_ahead_ == directory_ && memory_->deployment_id() == target_.deployment.id;
    if (!ours) memory_.reset();
  }

  const RunOptions& options_;
  Log& log_;
  Progress& progress_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> cancel_;
  postgres::ConnectOptions connect_;
  std::optional<postgres::Connection> connection_;
  CopyTarget target_;
  std::optional<Deployment> found_;  // before the lease was taken
  std::string directory_;
  std::string directory_ahead_;             // where memory_ was opened
  std::unique_ptr<memory::Memory> memory_;  // until the run has it
  std::optional<OwnLease> lease_;
  conflict::Policy policy_;
};

JobKind kind_of(const RunOptions& options) {
  return options.full ? JobKind::kFullSync : JobKind::kSync;
}

std::string_view word_of(const Status& done, const RunReport& report) {
  return done ? word_of(report) : status_word(done.error().code);
}

// The sync itself: a whole job, or the first part of a verify.
Status ship_snapshot(const ClientRun& run, const SyncContext& context, SyncOnce& once, RunReport& report) {
  const auto started = BootClock::now();
  Status done = once.run(report);
  report.seconds = std::chrono::duration<double>(BootClock::now() - started).count();
  report.bytes_sent += context.connection.bytes_sent();
  report.bytes_received += context.connection.bytes_received();
  return done ? Status() : Status(run.explain(done.error()));
}

Result<RunReport> synced(ClientRun& run, const RunOptions& options) {
  SN_ASSIGN(auto opening, run.open(kind_of(options)));
  SyncContext context = run.context();
  RunReport report;
  report.job_id = opening.journal.job_id();
  report.epoch = context.target.term.epoch;
  SyncOnce once(context, opening);
  const Status done = ship_snapshot(run, context, once, report);
  if (!opening.journal.is_told()) {
    expect_recorded(context.log, opening.journal.end(word_of(done, report), done.has_value(), report,
                                                     done ? "" : done.error().to_string()));
  }
  if (!done) return done.error();
  return report;
}

// The comparison, of what the copy holds with what was just shipped, and its report kept with the job: a
// verify without one proves nothing.
Status compare(const SyncContext& context, JobJournal& journal, SyncOnce& once, BootClock::time_point started,
               Verified& verified) {
  if (once.memory().generation_unknown()) {
    return Error{ErrorCode::kAborted, "the local memory does not describe what was shipped", "verify again"};
  }
  context.progress.phase("verifying");
  VerifyReport& report = verified.report;
  report.generation = verified.sync.generation;
  report.skipped = verified.sync.skipped;
  SN_ASSIGN(report.tables, verify_tables(context.connection, context.target, once.memory(), report.generation,
                                         context.progress));
  report.seconds = std::chrono::duration<double>(BootClock::now() - started).count();
  SN_ASSIGN(const auto text, report_text(report));
  return journal.keep_report(text);
}

// How the sync ended is the client's last sync, as always; how the comparison did is the job's alone.
Result<Verified> verified(ClientRun& run) {
  const auto started = BootClock::now();
  SN_ASSIGN(auto opening, run.open(JobKind::kVerify));
  JobJournal& journal = opening.journal;
  SyncContext context = run.context();
  Verified both;
  both.sync.job_id = journal.job_id();
  both.sync.epoch = context.target.term.epoch;
  SyncOnce once(context, opening);
  Status done = ship_snapshot(run, context, once, both.sync);
  if (!journal.is_told())
    expect_recorded(context.log, journal.synced(word_of(done, both.sync), done.has_value()));
  if (done) {
    done = compare(context, journal, once, started, both);
    if (!done) done = run.explain(done.error());
  }
  std::string why = done ? "" : done.error().to_string();
  const bool differs = done && !both.report.equal();
  if (differs) why = difference(context.options.client_name, both.report).to_string();
  const auto word = differs ? "differs" : word_of(done, both.sync);
  expect_recorded(context.log, journal.finish(word, both.sync, why));
  if (!done) return done.error();
  return both;
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
  return synced(run, options);
}

Result<RunReport> run_sync_under(const Term& term, const RunOptions& options, Log& log, Progress& progress,
                                 const std::stop_token& stop, std::optional<postgres::Connection>& lent) {
  ClientRun run(options, log, progress, stop);
  SN_TRY(run.connect(lent));
  run.work_under(term);
  auto report = synced(run, options);
  run.give_back(lent);
  return report;
}

Result<Verified> run_verify(const RunOptions& options, Log& log, Progress& progress,
                            const std::stop_token& stop) {
  ClientRun run(options, log, progress, stop);
  SN_TRY(run.begin());
  SN_TRY(run.take_lease());
  return verified(run);
}

Result<Verified> run_verify_under(const Term& term, const RunOptions& options, Log& log, Progress& progress,
                                  const std::stop_token& stop, std::optional<postgres::Connection>& lent) {
  ClientRun run(options, log, progress, stop);
  SN_TRY(run.connect(lent));
  run.work_under(term);
  auto both = verified(run);
  run.give_back(lent);
  return both;
}

}  // namespace syncnode::sync
