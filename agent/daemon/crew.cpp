#include "daemon/crew.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <utility>

#include "daemon/job_options.h"
#include "daemon/job_records.h"
#include "postgres/connection.h"
#include "sql/queries.h"

namespace syncnode::daemon {
namespace {

using std::chrono::seconds;
using WallClock = std::chrono::system_clock;

constexpr seconds kListTime{10};
constexpr seconds kListEvery{10};  // a client that was registered or paused is noticed within this
constexpr seconds kListAgain{2};   // after a list that failed
constexpr std::chrono::milliseconds kProgressEvery{250};
constexpr int kNice = 10;  // a tenth of the share of what stays at 0

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
    scheduler_.clear();
    records_.clear();
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

// ---------------------------------------------------------------------------------------------- the list

void Crew::list_until_stopped(const std::stop_token& stop) {
  uint64_t seen = 0;  // reigns
  bool adopt = false, failing = false;
  Deadline next{};
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto current = reign();
    if (!current) {
      spare_.reset();
      changed_.wait(lock, stop, [this] { return reign().has_value(); });
      continue;
    }
    if (seen != reigns_) {
      seen = reigns_;
      adopt = true;
      next = {};
    }
    // A list that failed waits its time in a new reign too.
    if (!list_again_ && BootClock::now() < next) {
      changed_.wait_until(lock, stop, next, [&] { return list_again_ || seen != reigns_ || !reign(); });
      continue;
    }
    list_again_ = false;
    std::optional<postgres::Connection> unused = std::exchange(spare_, std::nullopt);
    lock.unlock();
    unused.reset();
    const Status listed = list_clients(*current, adopt);
    if (!listed && !failing) log_.error("the clients cannot be listed: " + listed.error().to_string());
    if (listed && failing) log_.info("the clients can be listed again");
    failing = !listed;
    lock.lock();
    if (listed) adopt = false;
    next = deadline_in(listed ? kListEvery : kListAgain);
    changed_.notify_all();
  }
}

Status Crew::list_clients(const Reign& reign, bool adopt) {
  const Deadline deadline = deadline_in(kListTime);
  const auto settings = settings_.get();
  auto connect = connect_options(*settings, "worker");
  connect.gives_way_to = renewals_;
  SN_ASSIGN(auto connection, postgres::Connection::open(connect, deadline, reign.over));
  const auto asked = WallClock::now();  // ages are told as of later: so no copy is taken for newer than it is
  SN_ASSIGN(const auto rows,
            connection.query(sql::client_due, {postgres::Param::text(settings->cluster_name)}, deadline));
  std::vector<schedule::Client> clients;
  std::map<std::string, ClientRecord> records;
  for (int row = 0; row < rows.count(); ++row) {
    schedule::Client client{std::string(rows.text(row, 0)), std::string(rows.text(row, 1)),
                            rows.boolean(row, 2),           std::chrono::milliseconds(rows.int64(row, 3)),
                            seconds(rows.int64(row, 4)),    std::string(rows.text(row, 7))};
    ClientRecord record{client.sqlite_path, std::string(rows.text(row, 5)), std::nullopt};
    if (!rows.is_null(row, 6)) record.current_as_of = asked - std::chrono::milliseconds(rows.int64(row, 6));
    // What the leader before did not get to ship does not wait for another interval.
    if (adopt && record.is_behind()) client.due_in = {};
    if (client.enabled) records.emplace(client.name, std::move(record));
    clients.push_back(std::move(client));
  }
  std::vector<schedule::Job> waiting;
  if (adopt) {
    SN_ASSIGN(const auto jobs,
              connection.query(sql::job_pending, {postgres::Param::text(settings->cluster_name)}, deadline));
    for (int row = 0; row < jobs.count(); ++row) {
      waiting.push_back({std::string(jobs.text(row, 1)), std::string(jobs.text(row, 0)),
                         job_kind(jobs.text(row, 2)), std::string(jobs.text(row, 3))});
    }
    const std::string epoch = std::to_string(reign.term.epoch);
    SN_TRY(connection.query(sql::job_abandon_earlier,
                            {postgres::Param::text(settings->cluster_name), postgres::Param::text(epoch)},
                            deadline));
  }
  const std::lock_guard lock(mutex_);
  if (!this->reign() || reign_->term.epoch != reign.term.epoch) return {};
  scheduler_.listed(clients, BootClock::now());
  for (auto& job : waiting) scheduler_.requested(std::move(job));
  for (auto& [name, record] : records) {
    // Our own runs tell more exactly when the copy was current than the list does.
    auto known = records_.find(name);
    if (known != records_.end() && known->second.current_as_of) {
      record.current_as_of =
          std::max(record.current_as_of.value_or(WallClock::time_point{}), *known->second.current_as_of);
    }
  }
  records_ = std::move(records);
  if (adopt && scheduler_.has_work(BootClock::now())) spare_.emplace(std::move(connection));
  return {};
}

// ---------------------------------------------------------------------------------------------- the workers

std::optional<schedule::Job> Crew::next_job(std::unique_lock<std::mutex>& lock, const std::stop_token& stop,
                                            std::optional<postgres::Connection>& kept) {
  while (!stop.stop_requested()) {
    const bool leads = reign().has_value();
    auto choice = leads ? scheduler_.next(BootClock::now()) : schedule::Scheduler::Choice{};
    if (choice.job) return std::move(choice.job);
    if (kept) {
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
    changed_.wait_until(lock, stop, std::min(choice.look_again, deadline_in(seconds(60))),
                        [&] { return std::exchange(woken, true); });
  }
  return std::nullopt;
}

void Crew::work_until_stopped(const std::stop_token& stop) {
  // The renewal of the lease and the doors come before the work, and so does the application. Threads made
  // from here on inherit it. Failing changes nothing but that.
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice));
  std::optional<postgres::Connection> kept;  // from one job to the next: a new one costs more than most jobs
  std::unique_lock lock(mutex_);
  while (auto job = next_job(lock, stop, kept)) {
    const auto current = reign();
    if (current) {
      lock.unlock();
      run(*job, *current, stop, kept);
      lock.lock();
    } else {
      scheduler_.finished(*job, schedule::Outcome::kCancelled, BootClock::now());
    }
    changed_.notify_all();
  }
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

void Crew::run(const schedule::Job& job, const Reign& reign, const std::stop_token& stop,
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
  const JobEnd end = work(job, reign, client, ends.get_token(), kept);
  const auto outcome = outcome_of(end, has_begun(job), ends.stop_requested());
  const bool postponed = outcome == schedule::Outcome::kPostponed;
  if (!end.done() && !postponed) record_unsaid(job, reign, end);
  const auto now = BootClock::now();
  bool last = false;
  std::string job_id = job.job_id;
  {
    const std::lock_guard lock(mutex_);
    job_id = running_[job.client].job_id;
    running_.erase(job.client);
    scheduler_.finished(job, outcome, now);
    auto record = records_.find(job.client);
    if (record != records_.end() && !postponed) record->second.ended(job.kind, end, as_of);
    last = scheduler_.running() == 0 && !this->reign();
  }
  if (postponed) {
    log_.warning(fmt::format("client '{}' stays due: {}", job.client, end.sync.error().to_string()));
  } else {
    conclude(job, end, std::chrono::duration<double>(now - started).count(), log_, metrics_);
    events_.job_finished(job_id, job.client, std::string(status_of(end)));
  }
  if (last) idle_();
}

bool Crew::has_begun(const schedule::Job& job) const {
  const std::lock_guard lock(mutex_);
  return running_.at(job.client).begun;
}

JobEnd Crew::work(const schedule::Job& job, const Reign& reign, const schedule::Client& client,
                  const std::stop_token& stop, std::optional<postgres::Connection>& kept) {
  auto options = options_for(*settings_.get(), settings_.policy(), mounts_, client, job);
  if (!options) return Result<sync::RunReport>(options.error());
  options->gives_way_to = renewals_;
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
