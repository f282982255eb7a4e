// JsonLog: one JSON object per line, {"time":…,"level":…,"message":…}, for LOG_FORMAT=json. Thread-safe.
#pragma once

#include <mutex>

#include "base/log.h"

namespace syncnode::daemon {

class JsonLog final : public Log {
 public:
  // Writes to `fd`, which outlives it; lines below `threshold` are dropped.
  JsonLog(int fd, LogLevel threshold) : fd_(fd), threshold_(threshold) {}
  void write(LogLevel level, std::string_view message) override;

 private:
  const int fd_;
  const LogLevel threshold_;
  std::mutex mutex_;
};

}  // namespace syncnode::daemon
