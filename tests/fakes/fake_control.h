// FakeControl: a Control that answers from a thread of its own, as the real one does: from memory, with state
// by key and two clients. hold() keeps all answers back until release(); refuse_with() makes every call fail.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "control/control.h"

namespace syncnode::test {

class FakeControl final : public control::Control {
 public:
  FakeControl() : thread_([this] { work(); }) {
    health_.status = control::HealthWord::kHealthy;
    health_.version = "1.2.3";
    health_.uptime_seconds = 3600;
    health_.database_reachable = true;
    health_.database_seconds_since_contact = 0.5;
    health_.clients = 2;
    health_.leadership.node_id = "openwebui-sync-node-a";
    health_.leadership.cluster_name = "prod-host-1";
    health_.leadership.is_leader = true;
    health_.leadership.leader_id = "openwebui-sync-node-a";
    health_.leadership.epoch = 7;
    health_.leadership.lease_seconds_left = 41.5;
  }
  ~FakeControl() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
      held_ = false;
    }
    changed_.notify_all();
    thread_.join();
  }

  void set_health(const control::HealthView& view) {
    const std::lock_guard lock(mutex_);
    health_ = view;
  }
  void set_metrics(std::string text) {
    const std::lock_guard lock(mutex_);
    metrics_ = std::move(text);
  }
  void refuse_with(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(error);
  }
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
    }
    changed_.notify_all();
  }
  // Until so many calls wait for release(), or were answered; false after ten seconds.
  bool wait_for_held(size_t calls) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return tasks_.size() >= calls; });
  }
  bool wait_for_answered(size_t calls) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return answered_ >= calls; });
  }
  control::Caller last_caller() const {
    const std::lock_guard lock(mutex_);
    return caller_;
  }
  control::ConflictFilter last_filter() const {
    const std::lock_guard lock(mutex_);
    return filter_;
  }
  control::Resolution last_resolution() const {
    const std::lock_guard lock(mutex_);
    return resolution_;
  }

  control::BulkResolution last_bulk() const {
    const std::lock_guard lock(mutex_);
    return bulk_;
  }

  control::LeadershipView leadership() const override { return health().leadership; }
  control::HealthView health() const override {
    const std::lock_guard lock(mutex_);
    return health_;
  }
  std::string metrics() const override {
    const std::lock_guard lock(mutex_);
    return metrics_;
  }

  void cluster(control::Done<std::vector<control::ClusterHostView>> done) override {
    later(std::move(done), [] {
      control::ClusterHostView host;
      host.hostname = "host-1";
      host.status = "active";
      return std::vector{host};
    });
  }
  void deployments(const control::Caller& caller,
                   control::Done<std::vector<control::DeploymentView>> done) override {
    note(caller);
    later(std::move(done), [] {
      control::DeploymentView deployment;
      deployment.client_name = "chat";
      return std::vector{deployment};
    });
  }
  void job(const control::Caller& caller, std::string job_id, control::Done<control::JobView> done) override {
    note(caller);
    later(std::move(done), [job_id]() -> Result<control::JobView> {
      if (job_id != "job-1") return unknown("job", job_id);
      return one_job();
    });
  }
  void jobs(const control::Caller& caller, std::string client_name, int64_t limit,
            control::Done<std::vector<control::JobView>> done) override {
    note(caller);
    later(std::move(done), [client_name, limit] {
      return std::vector(static_cast<size_t>(client_name.empty() ? limit : 1), one_job());
    });
  }
  void trigger(const control::Caller& caller, control::TriggerRequest request,
               control::Done<std::string> done) override {
    note(caller);
    later(std::move(done), [name = request.client_name]() -> Result<std::string> {
      if (name != "chat") return unknown("client", name);
      return std::string("job-1");
    });
  }
  void cancel(const control::Caller& caller, std::string job_id, control::Done<void> done) override {
    note(caller);
    later(std::move(done), [job_id] { return job_id == "job-1" ? Status() : unknown("job", job_id); });
  }
  void set_enabled(const control::Caller& caller, std::string client_name, bool /*enabled*/,
                   control::Done<void> done) override {
    note(caller);
    later(std::move(done),
          [client_name] { return client_name == "chat" ? Status() : unknown("client", client_name); });
  }
  void step_down(const control::Caller& caller, control::Done<void> done) override {
    note(caller);
    later(std::move(done), [] { return Status(); });
  }
  void get_state(const control::Caller& caller, std::string key,
                 control::Done<control::StateView> done) override {
    note(caller);
    later(std::move(done), [this, key]() -> Result<control::StateView> {
      const std::lock_guard lock(mutex_);
      const auto found = state_.find(key);
      if (found == state_.end()) return unknown("key", key);
      return found->second;
    });
  }
  void set_state(const control::Caller& caller, control::StateWrite write,
                 control::Done<control::StateView> done) override {
    note(caller);
    later(std::move(done), [this, write]() -> Result<control::StateView> {
      const std::lock_guard lock(mutex_);
      control::StateView& stored = state_[write.key];
      if (write.if_version && *write.if_version != stored.version) {
        return Error{ErrorCode::kAborted, "the value has another version", "read it again"};
      }
      stored = {write.key, write.value, false, stored.version + 1, "2025-10-10T12:00:00+00:00"};
      return stored;
    });
  }
  void conflicts(const control::Caller& caller, control::ConflictFilter filter,
                 control::Done<std::vector<control::ConflictView>> done) override {
    note(caller);
    {
      const std::lock_guard lock(mutex_);
      filter_ = filter;
    }
    later(std::move(done), [] { return std::vector{one_conflict(), one_conflict()}; });
  }
  void conflict(const control::Caller& caller, std::string conflict_id,
                control::Done<control::ConflictDetail> done) override {
    note(caller);
    later(std::move(done), [conflict_id]() -> Result<control::ConflictDetail> {
      if (conflict_id != "conflict-1") return unknown("conflict", conflict_id);
      auto view = one_conflict();
      view.target_data = R"({"n": 2})";
      return control::detail_of(std::move(view));
    });
  }
  void resolve_all(const control::Caller& caller, control::BulkResolution resolution,
                   control::Done<control::BulkView> done) override {
    note(caller);
    {
      const std::lock_guard lock(mutex_);
      bulk_ = resolution;
    }
    later(std::move(done), [] {
      return control::BulkView{3, 1, 2, "the time of one request was over", {{"conflict-1", "it moved"}}};
    });
  }
  void resolve(const control::Caller& caller, control::Resolution resolution,
               control::Done<control::ConflictView> done) override {
    note(caller);
    {
      const std::lock_guard lock(mutex_);
      resolution_ = resolution;
    }
    later(std::move(done), [id = resolution.conflict_id]() -> Result<control::ConflictView> {
      if (id != "conflict-1") return unknown("conflict", id);
      return one_conflict();
    });
  }

 private:
  static Error unknown(const std::string& what, const std::string& name) {
    return {ErrorCode::kNotFound, "no " + what + " '" + name + "'", ""};
  }
  static control::JobView one_job() {
    control::JobView job;
    job.job_id = "job-1";
    job.client_name = "chat";
    job.status = "running";
    job.rows_synced = 12;
    job.tables.push_back({"message", "running", 20, 12, {}, {}, {}, {}, {}});
    return job;
  }
  static control::ConflictView one_conflict() {
    control::ConflictView conflict;
    conflict.conflict_id = "conflict-1";
    conflict.table_name = "chat";
    conflict.source_data = R"({"n": 12345678901234567890123})";
    return conflict;
  }

  void note(const control::Caller& caller) {
    const std::lock_guard lock(mutex_);
    caller_ = caller;
  }

  template <typename T, typename Make>
  void later(control::Done<T> done, Make make) {
    {
      const std::lock_guard lock(mutex_);
      tasks_.emplace_back([this, done = std::move(done), make] {
        std::optional<Error> failure;
        {
          const std::lock_guard inner(mutex_);
          failure = failure_;
        }
        done(failure ? Result<T>(*failure) : Result<T>(make()));
      });
    }
    changed_.notify_all();
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return (ended_ && tasks_.empty()) || (!held_ && !tasks_.empty()); });
      if (tasks_.empty()) return;
      {
        const auto task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task();
      }
      lock.lock();
      ++answered_;
      changed_.notify_all();
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  size_t answered_ = 0;
  bool held_ = false, ended_ = false;
  control::HealthView health_;
  std::string metrics_ = "# HELP sync_is_leader 1 when this node leads\nsync_is_leader 1\n";
  std::optional<Error> failure_;
  std::map<std::string, control::StateView> state_{
      {"chat.settings", {"chat.settings", R"({"b": 1.50, "a": [1]})", true, 3, ""}}};
  control::Caller caller_;
  control::ConflictFilter filter_;
  control::Resolution resolution_;
  control::BulkResolution bulk_;
  std::thread thread_;
};

}  // namespace syncnode::test
