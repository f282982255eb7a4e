// Log: where the owner of a loop says what happened, once. Library code returns errors instead.
// A sink writes lines "[2025-10-10T12:00:00+00:00] INFO: …"; the journal sink of the agent comes beside it.
// Refuses secrets by convention: callers pass masked URLs only (config/database_url.h). Thread-safe.
#pragma once

#include <mutex>
#include <string_view>

namespace syncnode {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

class Log {
 public:
  virtual ~Log() = default;
  virtual void write(LogLevel level, std::string_view message) = 0;

  void debug(std::string_view message) { write(LogLevel::kDebug, message); }
  void info(std::string_view message) { write(LogLevel::kInfo, message); }
  void warning(std::string_view message) { write(LogLevel::kWarning, message); }
  void error(std::string_view message) { write(LogLevel::kError, message); }
};

// Text lines to a descriptor that outlives the log (normally 2). Lines below `threshold` are dropped.
class TextLog final : public Log {
 public:
  TextLog(int fd, LogLevel threshold) : fd_(fd), threshold_(threshold) {}
  void write(LogLevel level, std::string_view message) override;

 private:
  const int fd_;
  const LogLevel threshold_;
  std::mutex mutex_;
};

}  // namespace syncnode
