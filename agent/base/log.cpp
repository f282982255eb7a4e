#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/clock.h"

namespace syncnode {
namespace {

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

}  // namespace

void TextLog::write(LogLevel level, std::string_view message) {
  if (level < threshold_) return;
  std::string line = fmt::format("[{}] {}: {}\n", wall_clock_iso8601(), name_of(level), message);
  std::lock_guard lock(mutex_);
  // A log line that cannot be written has nowhere else to go, ignoring.
  [[maybe_unused]] auto written = ::write(fd_, line.data(), line.size());
}

}  // namespace syncnode
