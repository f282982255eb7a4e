// LiveSettings: the settings and the conflict policy in force. A reload replaces them as a whole; whoever
// took them before keeps what he took. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "config/settings.h"
#include "conflict/policy.h"

namespace syncnode::daemon {

class LiveSettings {
 public:
  using Pointer = std::shared_ptr<const config::Settings>;

  using Policy = std::shared_ptr<const conflict::Policy>;

  LiveSettings(config::Settings settings, conflict::Policy policy) {
    set(std::move(settings), std::move(policy));
  }
  Pointer get() const {
    const std::lock_guard lock(mutex_);
    return settings_;
  }
  Policy policy() const {
    const std::lock_guard lock(mutex_);
    return policy_;
  }
  void set(config::Settings settings, conflict::Policy policy) {
    auto fresh = std::make_shared<const config::Settings>(std::move(settings));
    auto rules = std::make_shared<const conflict::Policy>(std::move(policy));
    const std::lock_guard lock(mutex_);
    settings_ = std::move(fresh);
    policy_ = std::move(rules);
  }

 private:
  mutable std::mutex mutex_;
  Pointer settings_;
  Policy policy_;
};

}  // namespace syncnode::daemon
