// A Control for the door's tests: answers from a thread of its own, as the real one does, with fixed views,
// with `error` when one is set, or not at all while it holds. Remembers what it was asked.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "control/control.h"

namespace syncnode::test {

class BusFakeControl final : public control::Control {
 public:
  BusFakeControl() : worker_([this] { work(); }) {}
  ~BusFakeControl() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  static control::LeadershipView leader() {
    control::LeadershipView view;
    view.node_id = view.leader_id = "openwebui-sync-node-a";
    view.cluster_name = "prod";
    view.is_leader = true;
    view.epoch = 42;
    view.lease_expires_usec = 1'700'000'000'000'000;
    return view;
  }
  static control::LeadershipView follower(std::string node_id, std::string leader_id, int64_t epoch) {
    control::LeadershipView view;
    view.node_id = std::move(node_id);
    view.leader_id = std::move(leader_id);
    view.epoch = epoch;
    return view;
  }
  void set_leadership(control::LeadershipView view) {
    const std::lock_guard lock(mutex_);
    leadership_ = std::move(view);
  }
  void set_error(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }
  void hold(bool hold) {
    {
      const std::lock_guard lock(mutex_);
      hold_ = hold;
    }
    changed_.notify_all();
  }
  // What was asked, as "trigger acme full".
  bool wait_for_asked(const std::string& what, size_t times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] {
      return static_cast<size_t>(std::count(asked_.begin(), asked_.end(), what)) >= times;
    });
  }
  std::string last_asked() {
    const std::lock_guard lock(mutex_);
    return asked_.empty() ? "" : asked_.back();
  }
  control::Caller last_caller() {
    const std::lock_guard lock(mutex_);
    return caller_;
  }
  size_t times_asked() {
    const std::lock_guard lock(mutex_);
    return asked_.size();
  }

  std::function<void()> on_leadership;  // called by leadership(); set it before somebody asks
  control::LeadershipView leadership() const override {
    if (on_leadership) on_leadership();
    const std::lock_guard lock(mutex_);
    return leadership_;
  }
  control::HealthView health() const override {
    control::HealthView view;
    view.status = control::HealthWord::kDegraded;
    view.reasons = {"1 client is failing"};
    view.leadership = leadership();
    view.version = "1.2.3";
    view.uptime_seconds = 3600.5;
    view.database_reachable = true;
    view.clients = 7;
    view.worst_lag_client = "acme";
    view.jobs_running = 2;
    return view;
  }
  std::string metrics() const override { return ""; }
  void cluster(control::Done<std::vector<control::ClusterHostView>> done) override {
    control::ClusterHostView host;
    host.hostname = "one";
    host.is_leader = true;
    host.epoch = 42;
    later("cluster", {}, std::vector{host}, std::move(done));
  }
  void deployments(const control::Caller& caller,
                   control::Done<std::vector<control::DeploymentView>> done) override {
    control::DeploymentView view;
    view.client_name = "acme";
    view.sync_enabled = true;
    view.sync_interval = 300;
    view.last_error = std::string("bad byte \xFF here");
    later("deployments", caller, std::vector{view, view}, std::move(done));
  }
  void job(const control::Caller& caller, std::string job_id, control::Done<control::JobView> done) override {
    control::JobView view;
    view.job_id = job_id;
    view.status = "running";
    view.rows_synced = 12;
    view.tables.resize(1);
    view.tables[0].table_name = "chat";
    view.tables[0].rows_total = 5;
    later("job " + job_id, caller, view, std::move(done));
  }
  void jobs(const control::Caller& caller, std::string client_name, int64_t limit,
            control::Done<std::vector<control::JobView>> done) override {
    later("jobs " + client_name + " " + std::to_string(limit), caller, std::vector<control::JobView>(3),
          std::move(done));
  }
  void trigger(const control::Caller& caller, control::TriggerRequest request,
               control::Done<std::string> done) override {
    later(
        "trigger " + request.client_name + (request.full ? " full" : "") + (request.verify ? " verify" : ""),
        caller, std::string("job-1"), std::move(done));
  }
  void cancel(const control::Caller& caller, std::string job_id, control::Done<void> done) override {
    later_done("cancel " + job_id, caller, std::move(done));
  }
  void set_enabled(const control::Caller& caller, std::string client_name, bool enabled,
                   control::Done<void> done) override {
    later_done((enabled ? "resume " : "pause ") + client_name, caller, std::move(done));
  }
  void step_down(const control::Caller& caller, control::Done<void> done) override {
    later_done("step_down", caller, std::move(done));
  }
  void get_state(const control::Caller& caller, std::string key,
                 control::Done<control::StateView> done) override {
    control::StateView view;
    view.key = key;
    view.value = R"({"a": 1})";
    view.cached = true;
    later("get " + key, caller, view, std::move(done));
  }
  void set_state(const control::Caller& caller, control::StateWrite write,
                 control::Done<control::StateView> done) override {
    later("set " + write.key + " " + write.value, caller, control::StateView{}, std::move(done));
  }
  void conflicts(const control::Caller& caller, control::ConflictFilter filter,
                 control::Done<std::vector<control::ConflictView>> done) override {
    control::ConflictView view;
    view.conflict_id = "c-1";
    later("conflicts " + filter.client_name + " " + std::to_string(filter.limit) +
              (filter.include_resolved ? " all" : "") + filter.table_name + filter.conflict_type,
          caller, std::vector{view}, std::move(done));
  }
  void resolve(const control::Caller& caller, control::Resolution resolution,
               control::Done<control::ConflictView> done) override {
    later("resolve " + resolution.conflict_id + " " + resolution.choice + " " + resolution.value, caller,
          control::ConflictView{}, std::move(done));
  }
  void conflict(const control::Caller& caller, std::string conflict_id,
                control::Done<control::ConflictDetail> done) override {
    control::ConflictView view;
    view.conflict_id = conflict_id;
    view.base_data = R"({"title": "Plans"})";
    view.source_data = R"({"title": "Plans for May"})";
    view.target_data = view.base_data;
    later("conflict " + conflict_id, caller, control::detail_of(std::move(view)), std::move(done));
  }
  void resolve_all(const control::Caller& caller, control::BulkResolution resolution,
                   control::Done<control::BulkView> done) override {
    later("resolve_all " + resolution.client_name + " " + resolution.table_name.value_or("*") + " " +
              resolution.conflict_type.value_or("*") + " " + resolution.choice,
          caller, control::BulkView{3, 1, 2, "the time was over", {{"c-1", "it moved"}}}, std::move(done));
  }

 private:
  template <typename T>
  void later(const std::string& what, const control::Caller& caller, T answer, control::Done<T> done) {
    enqueue(what, caller, [this, answer = std::move(answer), done = std::move(done)] {
      auto error = current_error();
      done(error ? Result<T>(std::move(*error)) : Result<T>(answer));
    });
  }
  void later_done(std::string what, const control::Caller& caller, control::Done<void> done) {
    enqueue(std::move(what), caller, [this, done = std::move(done)] {
      auto error = current_error();
      done(error ? Status(std::move(*error)) : Status());
    });
  }
  std::optional<Error> current_error() {
    const std::lock_guard lock(mutex_);
    return error_;
  }
  void enqueue(std::string what, const control::Caller& caller, std::function<void()> answer) {
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(std::move(what));
      caller_ = caller;
      queue_.push_back(std::move(answer));
    }
    changed_.notify_all();
  }
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ending_ || (!hold_ && !queue_.empty()); });
      if (queue_.empty()) return;  // held answers are still given at the end
      const auto answer = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      answer();
      lock.lock();
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  control::LeadershipView leadership_ = leader();
  std::optional<Error> error_;
  bool hold_ = false, ending_ = false;
  std::deque<std::function<void()>> queue_;
  std::vector<std::string> asked_;
  control::Caller caller_;
  std::thread worker_;  // last: uses the others
};

}  // namespace syncnode::test
