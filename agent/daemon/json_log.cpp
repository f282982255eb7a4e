#include "daemon/json_log.h"

#include <unistd.h>

#include <string>

#include "base/clock.h"
#include "json/json.h"

namespace syncnode::daemon {
namespace {

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

}  // namespace

void JsonLog::write(LogLevel level, std::string_view message) {
  if (level < threshold_) return;
  json::Json line;
  line["time"] = wall_clock_iso8601();
  line["level"] = name_of(level);
  line["message"] = std::string(message);
  std::string text = json::to_text(line) + "\n";
  std::lock_guard lock(mutex_);
  // A log line that cannot be written has nowhere else to go, ignoring.
  [[maybe_unused]] auto written = ::write(fd_, text.data(), text.size());
}

}  // namespace syncnode::daemon
