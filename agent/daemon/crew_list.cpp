// Crew, the lister's half: which clients there are, and what the leader before left to do.
#include <malloc.h>

#include <algorithm>
#include <utility>

#include "daemon/crew.h"
#include "daemon/job_options.h"
#include "sql/queries.h"

namespace syncnode::daemon {
namespace {

using std::chrono::seconds;
using WallClock = std::chrono::system_clock;

constexpr seconds kListTime{10};
constexpr seconds kListEvery{10};  // a client that was registered or paused is noticed within this
constexpr seconds kListAgain{2};   // after a list that failed
constexpr std::chrono::milliseconds kExpected{500};  // how long a connection waits for a reign to begin
// Logging in costs the processor more than a small job does: a leader that begins ships its first one before
// it logs in for a second.
constexpr std::chrono::milliseconds kAlone{100};

}  // namespace

void Crew::prepare() {
  {
    const std::lock_guard lock(mutex_);
    expected_until_ = deadline_in(kExpected);
  }
  changed_.notify_all();
}

void Crew::list_until_stopped(const std::stop_token& stop) {
  uint64_t seen = 0;  // reigns
  bool adopt = false, failing = false;
  Deadline next{};
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto current = reign();
    if (!current) {
      spare_.reset();
      fetched_.reset();  // of a reign that did not come, or ended before it was used
      if (follower_) follower_->follow({});
      trails_.clear();  // nobody looks any more, and they hold journals of the applications open
      maps_->clear();
      if (BootClock::now() < expected_until_) {
        fetch_connection(lock, stop);
      } else {
        changed_.wait(lock, stop, [this] { return reign() || BootClock::now() < expected_until_; });
      }
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
    give_back_memory(lock);
    next = deadline_in(listed ? kListEvery : kListAgain);
    changed_.notify_all();
  }
}

// The allocator keeps what runs needed, one heap for each thread that ran any: nobody needs it while nothing
// runs. Some milliseconds, and only after a run.
void Crew::give_back_memory(std::unique_lock<std::mutex>& lock) {
  if (!std::exchange(has_run_, false)) return;
  has_run_ = scheduler_.running() > 0;
  if (has_run_) return;
  lock.unlock();
  ::malloc_trim(0);
  lock.lock();
}

// While the lease is asked for. Should that fail, a small pool has it back when the reign is not expected any
// more.
void Crew::fetch_connection(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  const Deadline until = expected_until_;
  lock.unlock();
  auto connect = connect_options(*settings_.get(), "worker");
  connect.gives_way_to = renewals_;
  auto opened = postgres::Connection::open(connect, until, stop);
  if (opened) fetched_.emplace(std::move(*opened));
  lock.lock();
  changed_.wait_until(lock, stop, until, [this] { return reign().has_value(); });
}

Status Crew::list_clients(const Reign& reign, bool adopt) {
  const Deadline deadline = deadline_in(kListTime);
  const auto settings = settings_.get();
  std::optional<postgres::Connection> fetched;
  if (adopt) fetched.swap(fetched_);
  if (fetched && fetched->alive()) {
    fetched->stop_with(reign.over);
  } else {
    auto connect = connect_options(*settings, "worker");
    connect.gives_way_to = renewals_;
    SN_ASSIGN(fetched, postgres::Connection::open(connect, deadline, reign.over));
  }
  postgres::Connection& connection = *fetched;
  const auto asked = WallClock::now();  // ages are told as of later: so no copy is taken for newer than it is
  SN_ASSIGN(const auto rows,
            connection.query(sql::client_due, {postgres::Param::text(settings->cluster_name)}, deadline));
  std::vector<schedule::Client> clients;
  std::vector<follow::Followed> followed;
  std::map<std::string, ClientRecord> records;
  for (int row = 0; row < rows.count(); ++row) {
    schedule::Client client{std::string(rows.text(row, 0)), std::string(rows.text(row, 1)),
                            rows.boolean(row, 2),           std::chrono::milliseconds(rows.int64(row, 3)),
                            seconds(rows.int64(row, 4)),    std::string(rows.text(row, 7))};
    client.live = client.interval.count() == 0;
    if (client.live) client.interval = schedule::Scheduler::kLiveInterval;
    ClientRecord record{client.sqlite_path, std::string(rows.text(row, 5)), std::nullopt};
    record.decided = rows.text(row, 8);
    client.unsynced = rows.is_null(row, 6);
    if (!rows.is_null(row, 6)) record.current_as_of = asked - std::chrono::milliseconds(rows.int64(row, 6));
    // What the leader before did not get to ship does not wait for another interval.
    if (adopt && (client.live || record.is_behind())) client.due_in = {};
    if (client.enabled) {
      followed.push_back({client.name, client.sqlite_path, client.live});
      records.emplace(client.name, std::move(record));
    }
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
  // What people decided does not wait for the source to change.
  for (const auto& client : clients) {
    if (client.live && shipped_.has_other_basis(client.name, basis_of(client)))
      scheduler_.changed(client.name, BootClock::now());
  }
  follow_clients(std::move(followed));
  if (adopt && scheduler_.has_work(BootClock::now())) {
    spare_.emplace(std::move(connection));
    alone_until_ = deadline_in(kAlone);
  }
  return {};
}

}  // namespace syncnode::daemon
