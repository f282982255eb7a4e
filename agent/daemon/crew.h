// Crew: the workers of the node that leads. Between lead() and the end of the term they sync what is due,
// what changed of the live clients, and do what was asked for; with the term they drop everything. A client
// that is due and did not change is not run. A thread lists the clients, `workers` threads run one job each,
// on connections of their own. Refuses to work without a term, and to end a job's transaction itself: a lost
// term stops the job, the fence refuses what slips through. All methods from any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/right_of_way.h"
#include "capture/map_shelf.h"
#include "capture/source_trail.h"
#include "control/control.h"
#include "control/ports.h"
#include "daemon/client_record.h"
#include "daemon/container_mounts.h"
#include "daemon/job_end.h"
#include "daemon/live_settings.h"
#include "daemon/shipped.h"
#include "follow/follower.h"
#include "metrics/metrics.h"
#include "postgres/connection.h"
#include "schedule/scheduler.h"
#include "sync/run.h"

namespace syncnode::daemon {

class Crew final : public control::Jobs {
 public:
  // What the jobs move gives way to `renewals`. `idle` is called, from a worker, whenever the last job of a
  // term that is over has ended.
  Crew(const LiveSettings& settings, Log& log, metrics::Metrics& metrics, control::Events& events,
       std::shared_ptr<const RightOfWay> renewals, std::function<void()> idle);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() override;  // stops what runs and joins

  // lead() may follow within moments: what it will need first is fetched meanwhile, and dropped if it does
  // not follow. Quick: called by the elector.
  void prepare();
  // Begins to work under `term`, until `term_over`. Quick: called by the elector.
  void lead(const Term& term, std::stop_token term_over);
  bool is_idle() const;  // no job runs

  void requested(schedule::Job job) override;
  bool cancel(const std::string& job_id) override;
  void clients_changed() override;
  size_t running() const override;
  size_t waiting() const override;
  std::optional<std::vector<control::ClientFacts>> clients() const override;

 private:
  struct Reign {
    Term term;
    std::stop_token over;
  };
  struct Running {
    std::string job_id;
    std::stop_source stop;
    bool begun = false;      // sync_jobs shows it running
    bool cancelled = false;  // by a person, not by the end of the term
  };
  class JobProgress;
  struct Before {
    RunBasis basis;
    follow::FileState state;
  };

  void list_until_stopped(const std::stop_token& stop);
  void fetch_connection(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  Status list_clients(const Reign& reign, bool adopt);
  void give_back_memory(std::unique_lock<std::mutex>& lock);
  void work_until_stopped(const std::stop_token& stop);
  // `kept` is dropped when there is nothing to do at once, from `kept_until` on.
  std::optional<schedule::Job> next_job(std::unique_lock<std::mutex>& lock, const std::stop_token& stop,
                                        std::optional<postgres::Connection>& kept, Deadline kept_until);
  void follow_clients(std::vector<follow::Followed> clients);
  void source_changed(const std::string& client);
  void look_at_source(const std::string& client, const std::string& path);
  std::shared_ptr<capture::SourceTrail> trail_of(const std::string& client, const std::string& path);
  RunBasis basis_of(const schedule::Client& client) const;
  RunBasis basis_now(const schedule::Client& client) const;
  static std::optional<Before> look_before(RunBasis basis, const Result<sync::RunOptions>& options);
  bool is_unchanged(const schedule::Job& job, const Before& before) const;
  void end_unchanged(const schedule::Job& job, std::chrono::system_clock::time_point as_of);
  // False: it needed no run.
  bool run(const schedule::Job& job, const Reign& reign, const std::stop_token& stop,
           std::optional<postgres::Connection>& kept);
  bool is_bulk(const schedule::Job& job) const;
  bool has_begun(const schedule::Job& job) const;  // while it runs
  void record_unsaid(const schedule::Job& job, const Reign& reign, const JobEnd& end);
  schedule::Client find_client(const std::string& name, const Reign& reign);
  JobEnd work(const schedule::Job& job, const Reign& reign, Result<sync::RunOptions> options,
              const std::stop_token& stop, std::optional<postgres::Connection>& kept);
  std::optional<Reign> reign() const;  // nothing when it is over; under the lock

  const LiveSettings& settings_;
  Log& log_;
  metrics::Metrics& metrics_;
  control::Events& events_;
  const std::shared_ptr<const RightOfWay> renewals_;
  ContainerMounts mounts_;
  const std::function<void()> idle_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Reign> reign_;
  uint64_t reigns_ = 0;  // how many there were: tells a new one from the same
  bool list_again_ = false;
  Deadline expected_until_{};  // a reign; while there is none
  schedule::Scheduler scheduler_;
  std::map<std::string, Running> running_;  // by client
  bool has_run_ = false;                    // since memory was given back
  std::map<std::string, ClientRecord> records_;
  Shipped shipped_;
  std::map<std::string, std::shared_ptr<capture::SourceTrail>> trails_;  // by client
  const std::shared_ptr<capture::MapShelf> maps_ = std::make_shared<capture::MapShelf>();
  std::unique_ptr<follow::Follower> follower_;  // once there was a client
  // The lister's connection, for the first job that is due anyway: a leader that begins has no time to lose.
  // Dropped at its next look.
  std::optional<postgres::Connection> spare_;
  std::optional<postgres::Connection> fetched_;  // by prepare(), for the lister; its thread's alone
  // Until then, or until it has ended, the first job of a reign runs alone.
  Deadline alone_until_{};

  std::optional<std::stop_callback<std::function<void()>>> on_over_;
  std::vector<std::jthread> threads_;
};

}  // namespace syncnode::daemon
