// EventRelay: hands what happens on the node to the bus, once there is one. Thread-safe.
#pragma once

#include <mutex>
#include <string>

#include "control/control.h"

namespace syncnode::daemon {

class EventRelay final : public control::Events {
 public:
  // The target outlives every call that begins before relay_to(nullptr) returns.
  void relay_to(control::Events* target) {
    const std::lock_guard lock(mutex_);
    target_ = target;
  }
  void leadership_changed(const control::LeadershipView& now) override {
    relay([&](control::Events& target) { target.leadership_changed(now); });
  }
  void job_started(const std::string& job_id, const std::string& client_name) override {
    relay([&](control::Events& target) { target.job_started(job_id, client_name); });
  }
  void job_progress(const std::string& job_id, const std::string& table, int64_t done,
                    std::optional<int64_t> total) override {
    relay([&](control::Events& target) { target.job_progress(job_id, table, done, total); });
  }
  void job_finished(const std::string& job_id, const std::string& client_name,
                    const std::string& status) override {
    relay([&](control::Events& target) { target.job_finished(job_id, client_name, status); });
  }

 private:
  template <typename Call>
  void relay(Call call) {
    const std::lock_guard lock(mutex_);
    if (target_ != nullptr) call(*target_);
  }
  std::mutex mutex_;
  control::Events* target_ = nullptr;
};

}  // namespace syncnode::daemon
