// NodeControl: the Control of a living node. Checks who may, what can be meant and who leads; asks the
// database on the Desk's thread; keeps the state's cache. Owns the desk; the parts it is given outlive it.
// Any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/log.h"
#include "control/control.h"
#include "control/desk.h"
#include "control/health.h"
#include "control/ports.h"
#include "metrics/metrics.h"
#include "state/cache_feed.h"
#include "state/postgres_state_store.h"
#include "state/state.h"
#include "state/state_cache.h"

namespace syncnode::control {

struct NodeIdentity {
  std::string cluster_name, version;
  std::chrono::seconds lease{60};  // for the health: without the database longer than this is no duty done
  std::chrono::seconds cache_ttl{300};
  bool metrics_enabled = true;
};

struct NodeParts {
  Leadership& leadership;
  Jobs& jobs;
  OtherNode& other;
  Conflicts& conflicts;
  metrics::Metrics& metrics;
  Log& log;
  std::function<std::vector<std::string>()> stalled;  // loops that stand still, by name
};

class NodeControl final : public Control {
 public:
  NodeControl(NodeIdentity identity, NodeParts parts, postgres::ConnectOptions connect);

  LeadershipView leadership() const override { return parts_.leadership.view(); }
  HealthView health() const override;
  std::string metrics() const override;
  void cluster(Done<std::vector<ClusterHostView>> done) override;

  void deployments(const Caller& caller, Done<std::vector<DeploymentView>> done) override;
  void job(const Caller& caller, std::string job_id, Done<JobView> done) override;
  void jobs(const Caller& caller, std::string client_name, int64_t limit,
            Done<std::vector<JobView>> done) override;
  void trigger(const Caller& caller, TriggerRequest request, Done<std::string> done) override;
  void cancel(const Caller& caller, std::string job_id, Done<void> done) override;
  void set_enabled(const Caller& caller, std::string client_name, bool enabled, Done<void> done) override;
  void step_down(const Caller& caller, Done<void> done) override;

  void get_state(const Caller& caller, std::string key, Done<StateView> done) override;
  void set_state(const Caller& caller, StateWrite write, Done<StateView> done) override;

  void conflicts(const Caller& caller, ConflictFilter filter, Done<std::vector<ConflictView>> done) override;
  void conflict(const Caller& caller, std::string conflict_id, Done<ConflictDetail> done) override;
  void resolve(const Caller& caller, Resolution resolution, Done<ConflictView> done) override;
  void resolve_all(const Caller& caller, BulkResolution resolution, Done<BulkView> done) override;

  // Something may have changed in the database: a notice came, or it is time to look. Quick; any thread.
  void look_for_changes();
  uint64_t turns() const { return desk_.turns(); }

 private:
  template <typename T>
  using Work = std::function<Result<T>(postgres::Connection&, Deadline)>;

  // Runs `work` on the desk's thread; `done` gets its answer, or why it could not be asked.
  template <typename T>
  void ask(Done<T> done, Work<T> work) {
    // Shared, since a question that does not fit the queue is answered here.
    auto answer = std::make_shared<Done<T>>(std::move(done));
    auto posted = desk_.post(
        [this, answer, work = std::move(work)](Result<postgres::Connection*> connection, Deadline deadline) {
          if (!connection) return (*answer)(std::move(connection).error());
          connection_ = *connection;
          auto result = work(**connection, deadline);
          connection_ = nullptr;
          (*answer)(std::move(result));
        });
    if (!posted) (*answer)(std::move(posted).error());
  }
  static Error may_not(const char* what);
  Result<Term> term_to_act() const;  // kFenced with the leader's name

  // node_control_conflicts.cpp
  struct Bulk;
  void go_on(const std::shared_ptr<Bulk>& bulk);
  Status take_turn(Bulk& bulk, postgres::Connection& connection, Deadline deadline);
  Result<bool> decide(postgres::Connection& connection, const Resolution& resolution, const std::string& by,
                      Deadline deadline);

  Result<StateView> write_state(const Caller& caller, const StateWrite& write, Deadline deadline);

  const NodeIdentity identity_;
  const NodeParts parts_;
  const Deadline started_;
  state::StateCache cache_;
  postgres::Connection* connection_ = nullptr;  // the desk's, while it answers
  state::PostgresStateStore store_;
  state::State state_;
  state::CacheFeed feed_;
  std::atomic<bool> looking_{false};
  Desk desk_;  // last: its thread uses the rest
};

}  // namespace syncnode::control
