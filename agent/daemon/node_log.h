// NodeLog: where a node writes what happened: the journal with its fields when stderr is the journal's, else
// one line on stderr, as text or (LOG_FORMAT=json) as an object. The level may be changed while it runs.
// Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/log.h"
#include "config/settings.h"

namespace syncnode::daemon {

class NodeLog final : public Log {
 public:
  NodeLog(const std::string& node, config::LogFormat format, LogLevel level);

  void write(LogLevel level, std::string_view message) override;
  void event(const LogEvent& event, LogLevel level, std::string_view client,
             std::string_view message) override;

  LogLevel level() const { return level_.load(); }
  void set_level(LogLevel level) { level_.store(level); }
  bool to_journal() const { return lines_ == nullptr; }

 private:
  void to_journal(const LogEvent* event, LogLevel level, std::string_view client,
                  std::string_view message) const;

  const std::string node_;  // "a"
  std::atomic<LogLevel> level_;
  std::unique_ptr<Log> lines_;  // none: the journal
};

}  // namespace syncnode::daemon
