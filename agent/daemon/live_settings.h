// LiveSettings: the settings in force. A reload replaces them as a whole; whoever took them before keeps what
// he took. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "config/settings.h"

namespace syncnode::daemon {

class LiveSettings {
 public:
  using Pointer = std::shared_ptr<const config::Settings>;

  explicit LiveSettings(config::Settings settings) { set(std::move(settings)); }
  Pointer get() const {
    const std::lock_guard lock(mutex_);
    return settings_;
  }
  void set(config::Settings settings) {
    auto fresh = std::make_shared<const config::Settings>(std::move(settings));
    const std::lock_guard lock(mutex_);
    settings_ = std::move(fresh);
  }

 private:
  mutable std::mutex mutex_;
  Pointer settings_;
};

}  // namespace syncnode::daemon
