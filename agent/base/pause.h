// Pause: between two looks at something that tells nobody when it changes. Refuses to outlast a stop request.
// Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace syncnode {

// True when `stop` was requested: at once, then.
inline bool pause(std::chrono::milliseconds span, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, span, [] { return false; });
  return stop.stop_requested();
}

}  // namespace syncnode
