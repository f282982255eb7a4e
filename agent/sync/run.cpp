#include "sync/run.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "base/clock.h"
#include "lease/keeper.h"
#include "postgres/fence.h"
#include "postgres/postgres_lease_store.h"
#include "sync/sync_once.h"
#include "sync/uuid.h"
#include "sync/verify.h"

namespace syncnode::sync {
namespace {

constexpr char kLeaderId[] = "openwebui-sync-oneshot";
constexpr std::chrono::seconds kConnectWait{20};
constexpr std::chrono::seconds kLeaseCall{5};
constexpr std::chrono::milliseconds kAskAgain{250};

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return Error{ErrorCode::kFailedPrecondition, "creating '" + path + "': " + std::strerror(errno),
               "the state directory must exist and belong to the user that runs sync-node"};
}

// A run under a lease of its own: the term, and the connection that works under it.
class LeasedRun {
 public:
  LeasedRun(const RunOptions& options, Log& log, Progress& progress, const std::stop_token& stop)
      : options_(options),
        log_(log),
        progress_(progress),
        cancel_(stop, [this] { stop_.request_stop(); }),
        connect_{options.database_url, "sync-node one-shot"} {}

  Status begin() {
    progress_.phase("connecting");
    SN_ASSIGN(auto connection, postgres::Connection::open(connect_, deadline_in(kConnectWait)));
    connection_.emplace(std::move(connection));
    connection_->stop_with(stop_.get_token());
    SN_ASSIGN(target_.deployment, find_deployment(*connection_, options_.client_name));
    if (options_.sqlite_path) target_.deployment.sqlite_path = *options_.sqlite_path;
    if (target_.deployment.sqlite_path.empty()) {
      return Error{ErrorCode::kFailedPrecondition, "client '" + options_.client_name + "' has no SQLite path",
                   "register it with --sqlite-path FILE, or give --sqlite-path now"};
    }
    directory_ = options_.state_directory + "/clients";
    SN_TRY(make_directory(directory_));
    directory_ += "/" + target_.deployment.schema;
    SN_TRY(make_directory(directory_));
    return take_lease();
  }

  SyncContext context() {
    return {connect_, *connection_, target_,   directory_,       target_.deployment.sqlite_path,
            options_, log_,         progress_, stop_.get_token()};
  }

  // What really ended the run: a lost lease shows up as a stopped or fenced step.
  Error explain(const Error& error) const {
    auto loss = keeper_ ? keeper_->loss() : std::nullopt;
    if (!loss || (error.code != ErrorCode::kCancelled && error.code != ErrorCode::kFenced)) return error;
    return Error{ErrorCode::kFenced, "the lease was lost: " + loss->message,
                 "the node that leads now goes on; run again later"};
  }

 private:
  Status take_lease() {
    auto times = lease::KeeperTimes::from(options_.lease, options_.heartbeat);
    SN_TRY(times.validate());
    SN_ASSIGN(auto host, postgres::register_host(*connection_, options_.cluster_name, host_name(),
                                                 deadline_in(kLeaseCall)));
    postgres::LeaseIdentity identity{options_.cluster_name, kLeaderId, host, random_uuid(), 0};
    auto store = std::make_unique<postgres::PostgresLeaseStore>(connect_, identity);
    SN_ASSIGN(auto grant, wait_for_lease(*store));
    target_.term = grant.term;
    SN_ASSIGN(keeper_, lease::Keeper::start(std::move(store), grant, times, stop_));
    return {};
  }

  Result<Grant> wait_for_lease(LeaseStore& store) {
    Deadline give_up = deadline_in(options_.lease_wait);
    while (true) {
      SN_ASSIGN(auto grant, store.acquire(options_.lease, deadline_in(kLeaseCall)));
      if (grant) return std::move(*grant);
      SN_ASSIGN(auto holder, store.observe(deadline_in(kLeaseCall)));
      if (BootClock::now() >= give_up) {
        return Error{
            ErrorCode::kUnavailable,
            fmt::format("'{}' holds the lease of cluster '{}' for {} s more", holder.leader_id,
                        options_.cluster_name, std::max<int64_t>(holder.remaining.count() / 1000, 0)),
            "one writer at a time: wait for it to finish"};
      }
      progress_.phase("waiting for '" + holder.leader_id + "'");
      SN_TRY(pause());
    }
  }

  Status pause() {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop_.get_token(), kAskAgain, [] { return false; });
    if (stop_.stop_requested()) return Error{ErrorCode::kCancelled, "the run was stopped", ""};
    return {};
  }

  const RunOptions& options_;
  Log& log_;
  Progress& progress_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> cancel_;
  postgres::ConnectOptions connect_;
  std::optional<postgres::Connection> connection_;
  CopyTarget target_;
  std::string directory_;
  std::unique_ptr<lease::Keeper> keeper_;
};

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

std::string_view sync_type(const RunReport& report, const RunOptions& options) {
  if (options.full || report.mode == "first load") return "full";
  return report.mode == "recheck" ? "recheck" : "incremental";
}

// One sync with its job row. What the journal cannot record is logged, once, and does not change the outcome.
Status run_journaled(LeasedRun& leased, SyncContext& context, RunReport& report,
                     std::unique_ptr<SyncOnce>& once) {
  SN_ASSIGN(auto journal, JobJournal::start(context.connection, context.target, context.options.triggered_by,
                                            context.options.full ? "full" : "incremental"));
  report.job_id = journal.job_id();
  report.epoch = context.target.term.epoch;
  once = std::make_unique<SyncOnce>(context, journal);
  auto started = BootClock::now();
  Status done = once->run(report);
  report.seconds = std::chrono::duration<double>(BootClock::now() - started).count();
  report.bytes_sent += context.connection.bytes_sent();
  report.bytes_received += context.connection.bytes_received();
  Error error;
  if (!done) error = leased.explain(done.error());
  std::string_view status = done ? (report.held() ? "held" : "success") : status_word(error.code);
  Status recorded = journal.finish(status, sync_type(report, context.options), report,
                                   done ? "" : error.to_string(), done.has_value());
  if (!recorded)
    context.log.warning("the job could not be recorded: " + recorded.error().to_string() + ", ignoring");
  return done ? Status() : Status(std::move(error));
}

}  // namespace

bool RunReport::held() const {
  return std::any_of(tables.begin(), tables.end(), [](const TableOutcome& table) { return table.waiting; });
}

bool VerifyReport::equal() const {
  return std::all_of(tables.begin(), tables.end(), [](const TableVerdict& table) { return table.equal(); });
}

Result<RunReport> run_sync(const RunOptions& options, Log& log, Progress& progress, std::stop_token stop) {
  LeasedRun leased(options, log, progress, stop);
  SN_TRY(leased.begin());
  SyncContext context = leased.context();
  RunReport report;
  std::unique_ptr<SyncOnce> once;
  SN_TRY(run_journaled(leased, context, report, once));
  return report;
}

Result<VerifyReport> run_verify(const RunOptions& options, Log& log, Progress& progress,
                                std::stop_token stop) {
  auto started = BootClock::now();
  LeasedRun leased(options, log, progress, stop);
  SN_TRY(leased.begin());
  SyncContext context = leased.context();
  RunReport synced;
  std::unique_ptr<SyncOnce> once;
  SN_TRY(run_journaled(leased, context, synced, once));
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
