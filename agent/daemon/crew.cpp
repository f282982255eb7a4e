#include "daemon/crew.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "base/thread_priority.h"
#include "daemon/job_options.h"
#include "daemon/job_records.h"
#include "daemon/low_io_priority.h"
#include "postgres/connection.h"
#include "sql/queries.h"

namespace syncnode::daemon {
namespace {

using std::chrono::seconds;
using WallClock = std::chrono::system_clock;

constexpr std::chrono::milliseconds kProgressEvery{250};
// So long a connection waits for the next job: opening one costs more than a small change.
constexpr seconds kLinger{30};

// While this node's lease is renewed the database answers; a job that got no answer before it began waited
// for others, in a pooler's queue or at a lock, and nothing is wrong with its client.
schedule::Outcome outcome_of(const JobEnd& end, bool begun, bool stopped) {
  if (end.done()) return schedule::Outcome::kSucceeded;
  if (stopped || status_of(end) == "cancelled") return schedule::Outcome::kCancelled;
  if (!begun && end.sync.error().code == ErrorCode::kDeadlineExceeded) return schedule::Outcome::kPostponed;
  return schedule::Outcome::kFailed;
}

}  // namespace

// What a run says while it goes: its job id, once, and tables at a bearable rate.
class Crew::JobProgress final : public sync::Progress {
 public:
  JobProgress(Crew& crew, std::string client) : crew_(crew), client_(std::move(client)) {}

  void job(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    job_id_ = id;
    {
      const std::lock_guard crew_lock(crew_.mutex_);
      Running& running = crew_.running_[client_];
      running.job_id = id;
      running.begun = true;
    }
    crew_.events_.job_started(id, client_);
  }
  void phase(std::string_view) override {}
  void read(const sync::ReadHarm& harm) override {
    crew_.metrics_.read(client_, harm.transaction_seconds, harm.shared_seconds, harm.log_growth);
  }
  void table(std::string_view name, int64_t done, int64_t total) override {
    const std::lock_guard lock(mutex_);
    const auto now = BootClock::now();
    if (now < next_ && done != total) return;
    next_ = now + kProgressEvery;
    crew_.events_.job_progress(job_id_, std::string(name), done,
                               total < 0 ? std::nullopt : std::optional(total));
  }

 private:
  Crew& crew_;
  const std::string client_;
  std::mutex mutex_;
  std::string job_id_;
  BootClock::time_point next_{};
};

Crew::Crew(const LiveSettings& settings, Log& log, metrics::Metrics& metrics, control::Events& events,
           std::shared_ptr<const RightOfWay> renewals, std::function<void()> idle)
    : settings_(settings),
      log_(log),
      metrics_(metrics),
      events_(events),
      renewals_(std::move(renewals)),
      mounts_(settings, log),
      idle_(std::move(idle)),
      scheduler_(static_cast<size_t>(settings.get()->workers), std::random_device{}()) {
  threads_.emplace_back([this](const std::stop_token& stop) { list_until_stopped(stop); });
  for (int i = 0; i < settings.get()->workers; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { work_until_stopped(stop); });
  }
}

Crew::~Crew() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

// ---------------------------------------------------------------------------------------------- terms

void Crew::lead(const Term& term, std::stop_token term_over) {
  {
    const std::lock_guard lock(mutex_);
    reign_ = Reign{term, term_over};
    ++reigns_;
    expected_until_ = {};
    scheduler_.clear();
    records_.clear();
    shipped_.clear();
  }
  changed_.notify_all();
  on_over_.emplace(std::move(term_over), [this] {
    // Between a waiter's look at the token and its sleep there must be no room for this.
    { const std::lock_guard lock(mutex_); }
    changed_.notify_all();
  });
}

std::optional<Crew::Reign> Crew::reign() const {
  if (!reign_ || reign_->over.stop_requested()) return std::nullopt;
  return reign_;
}

bool Crew::is_idle() const {
  const std::lock_guard lock(mutex_);
  return scheduler_.running() == 0;
}

// ---------------------------------------------------------------------------------- what is asked of it

void Crew::requested(schedule::Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (!reign()) return;  // it waits in sync_jobs; the node that leads finds it there
    scheduler_.requested(std::move(job));
  }
  changed_.notify_all();
}

bool Crew::cancel(const std::string& job_id) {
  const std::lock_guard lock(mutex_);
  if (scheduler_.withdraw(job_id)) return true;
  auto found = std::find_if(running_.begin(), running_.end(),
                            [&](const auto& entry) { return entry.second.job_id == job_id; });
  if (found == running_.end()) return false;
  found->second.cancelled = true;
  found->second.stop.request_stop();
  return true;
}

void Crew::clients_changed() {
  {
    const std::lock_guard lock(mutex_);
    list_again_ = true;
  }
  changed_.notify_all();
}

size_t Crew::running() const {
  const std::lock_guard lock(mutex_);
  return running_.size();
}

size_t Crew::waiting() const {
  const std::lock_guard lock(mutex_);
  return scheduler_.waiting();
}

std::optional<std::vector<control::ClientFacts>> Crew::clients() const {
  std::map<std::string, ClientRecord> records;
  {
    const std::lock_guard lock(mutex_);
    if (!reign()) return std::nullopt;
    records = records_;
  }
  std::vector<control::ClientFacts> facts;
  facts.reserve(records.size());
  for (const auto& [name, record] : records) {
    facts.push_back(record.facts(name, WallClock::now()));
    facts.back().moved = mounts_.moved(name);
  }
  return facts;
}

// ---------------------------------------------------------------------------------------------- the workers

std::optional<schedule::Job> Crew::next_job(std::unique_lock<std::mutex>& lock, const std::stop_token& stop,
                                            std::optional<postgres::Connection>& kept, Deadline kept_until) {
  while (!stop.stop_requested()) {
    const bool leads = reign().has_value();
    const bool waits = scheduler_.running() > 0 && BootClock::now() < alone_until_;
    schedule::Scheduler::Choice choice{std::nullopt, alone_until_};
    if (leads && !waits) choice = scheduler_.next(BootClock::now());
    if (choice.job) return std::move(choice.job);
    const bool lingers = kept && leads && BootClock::now() < kept_until;
    if (kept && !lingers) {
      lock.unlock();
      kept.reset();
      lock.lock();
      continue;
    }
    if (!leads) {
      changed_.wait(lock, stop, [this] { return reign().has_value(); });
      continue;
    }
    bool woken = false;
    // Any change may make something due; what woke us is found by asking again.
    const Deadline patience = lingers ? kept_until : deadline_in(seconds(60));
    changed_.wait_until(lock, stop, std::min(choice.look_again, patience),
                        [&] { return std::exchange(woken, true); });
  }
  return std::nullopt;
}

void Crew::work_until_stopped(const std::stop_token& stop) {
  // The renewal of the lease and the doors come before the work, and so does the application.
  give_way();
  std::optional<postgres::Connection> kept;  // from one job to the next: a new one costs more than most jobs
  Deadline kept_until{};
  std::unique_lock lock(mutex_);
  while (auto job = next_job(lock, stop, kept, kept_until)) {
    const auto current = reign();
    if (current) {
      lock.unlock();
      if (run(*job, *current, stop, kept)) kept_until = deadline_in(kLinger);
      lock.lock();
    } else {
      scheduler_.finished(*job, schedule::Outcome::kCancelled, BootClock::now());
    }
    changed_.notify_all();
  }
}

bool Crew::is_bulk(const schedule::Job& job) const {
  const std::lock_guard lock(mutex_);
  return scheduler_.is_bulk(job);
}

// One that was registered a moment ago may be asked for sooner than the list knows it.
schedule::Client Crew::find_client(const std::string& name, const Reign& reign) {
  for (const bool list_first : {false, true}) {
    if (list_first && !list_clients(reign, false)) break;  // the run says what is missing
    const std::lock_guard lock(mutex_);
    if (const auto* listed = scheduler_.find(name)) return *listed;
  }
  return {name, "", false, seconds(0), seconds(0), ""};
}

bool Crew::run(const schedule::Job& job, const Reign& reign, const std::stop_token& stop,
               std::optional<postgres::Connection>& kept) {
  std::stop_source ends;
  std::stop_callback on_stop(stop, [&ends] { ends.request_stop(); });
  std::stop_callback on_over(reign.over, [&ends] { ends.request_stop(); });
  {
    const std::lock_guard lock(mutex_);
    running_[job.client] = {job.job_id, ends, false, false};
  }
  const schedule::Client client = find_client(job.client, reign);
  const auto started = BootClock::now();
  const auto as_of = WallClock::now();
  RunBasis basis = basis_now(client);
  auto options = options_for(*basis.settings, basis.policy, mounts_, client, job);
  const auto before = look_before(std::move(basis), options);
  if (before && is_unchanged(job, *before)) {
    end_unchanged(job, as_of);
    return false;
  }
  const LowIoPriority low(is_bulk(job));
  const JobEnd end = work(job, reign, std::move(options), ends.get_token(), kept);
  const auto outcome = outcome_of(end, has_begun(job), ends.stop_requested());
  const bool postponed = outcome == schedule::Outcome::kPostponed;
  if (!end.done() && !postponed) record_unsaid(job, reign, end);
  const auto now = BootClock::now();
  bool last = false;
  std::string job_id = job.job_id;
  {
    const std::lock_guard lock(mutex_);
    job_id = running_[job.client].job_id;
    has_run_ = true;
    running_.erase(job.client);
    scheduler_.finished(job, outcome, now);
    alone_until_ = {};
    auto record = records_.find(job.client);
    if (record != records_.end() && !postponed) record->second.ended(job.kind, end, as_of);
    const bool same_reign = reign_ && reign_->term.epoch == reign.term.epoch;
    if (same_reign && before && end.done() && !end.differs()) {
      shipped_.succeeded(job.client, before->basis, before->state, now);
    } else {
      shipped_.forget(job.client);
    }
    last = scheduler_.running() == 0 && !this->reign();
  }
  if (postponed) {
    log_.warning(fmt::format("client '{}' stays due: {}", job.client, end.sync.error().to_string()));
  } else {
    conclude(job, end, std::chrono::duration<double>(now - started).count(), log_, metrics_);
    events_.job_finished(job_id, job.client, std::string(status_of(end)));
  }
  if (last) idle_();
  return true;
}

bool Crew::has_begun(const schedule::Job& job) const {
  const std::lock_guard lock(mutex_);
  return running_.at(job.client).begun;
}

JobEnd Crew::work(const schedule::Job& job, const Reign& reign, Result<sync::RunOptions> options,
                  const std::stop_token& stop, std::optional<postgres::Connection>& kept) {
  if (!options) return Result<sync::RunReport>(options.error());
  options->gives_way_to = renewals_;
  options->maps = maps_;
  options->trail = trail_of(job.client, *options->sqlite_path);
  JobProgress progress(*this, job.client);
  if (!kept) {
    const std::lock_guard lock(mutex_);
    kept.swap(spare_);
  }
  if (job.kind == JobKind::kVerify)
    return sync::run_verify_under(reign.term, *options, log_, progress, stop, kept);
  return sync::run_sync_under(reign.term, *options, log_, progress, stop, kept);
}

// What the job's own connection may not have said. A job that ends with its term, or with this node, is left
// to who leads next: handing over does not wait for it.
void Crew::record_unsaid(const schedule::Job& job, const Reign& reign, const JobEnd& end) {
  Running running;
  {
    const std::lock_guard lock(mutex_);
    running = running_[job.client];
  }
  const auto settings = settings_.get();
  if (running.cancelled && running.begun)
    return record_end(*settings, running.job_id, "cancelled", "cancelled while it ran", log_);
  if (running.stop.stop_requested()) return;
  if (!running.begun) return record_refusal(*settings, job, reign.term, end.sync.error(), log_);
  record_end(*settings, running.job_id, status_of(end), end.sync.error().to_string(), log_);
}

}  // namespace syncnode::daemon
