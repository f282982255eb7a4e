// Log: where the owner of a loop says what happened, once. Library code returns errors instead.
// A sink writes lines "[2025-10-10T12:00:00+00:00] INFO: …"; the agent's writes JSON or to the journal
// (daemon/node_log.h).
// Refuses secrets by convention: callers pass masked URLs only (config/database_url.h). Thread-safe.
#pragma once

#include <mutex>
#include <string_view>

namespace syncnode {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Something an operator searches for: the journal's MESSAGE_ID, 32 hex digits.
struct LogEvent {
  const char* id;
};

class Log {
 public:
  virtual ~Log() = default;
  virtual void write(LogLevel level, std::string_view message) = 0;
  // `client` "" when it is about none. A sink without fields writes the message alone.
  virtual void event(const LogEvent& /*event*/, LogLevel level, std::string_view /*client*/,
                     std::string_view message) {
    write(level, message);
  }

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
