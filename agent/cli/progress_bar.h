// ProgressBar: one live line on a terminal for a run in progress, at most ten times a second, gone when the
// run ends. Nowhere but on a terminal does it write anything. A log line goes through log(), which puts
// itself above the bar. Thread-safe: the run's main thread and its load sender both report.
#pragma once

#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "cli/table.h"
#include "sync/run.h"

namespace syncnode::cli {

class ProgressBar final : public sync::Progress, public Log {
 public:
  // `fd` outlives the bar. `live` is false where there is no terminal.
  ProgressBar(int fd, bool live, Look look, LogLevel threshold);
  ~ProgressBar() override;  // erases the line

  void phase(std::string_view name) override;
  void table(std::string_view name, int64_t done, int64_t total) override;
  void write(LogLevel level, std::string_view message) override;

 private:
  void draw(Deadline now);
  void erase();
  void send(std::string_view text);

  const int fd_;
  const bool live_;
  const Look look_;
  const LogLevel threshold_;
  std::mutex mutex_;
  std::string phase_, table_;
  int64_t done_ = 0, total_ = -1;
  Deadline started_, drawn_{};
  bool visible_ = false;
};

// The line itself, no wider than `columns`; pure, for tests.
struct ProgressLine {
  std::string phase, table;
  int64_t done = 0, total = -1;  // rows; total < 0: unknown
  double seconds = 0;            // since the run began
};
std::string progress_text(const ProgressLine& line, size_t columns);

}  // namespace syncnode::cli
