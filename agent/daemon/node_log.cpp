#include "daemon/node_log.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "daemon/json_log.h"
#include "journal/journal.h"

namespace syncnode::daemon {
namespace {

// $JOURNAL_STREAM names the device and inode of the stream systemd gave us (systemd.exec(5)); somebody may
// have redirected stderr since.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat mine {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &mine) != 0) return false;
  return fmt::format("{}:{}", mine.st_dev, mine.st_ino) == stream;
}

}  // namespace

NodeLog::NodeLog(const std::string& node, config::LogFormat format, LogLevel level)
    : node_(node), level_(level) {
  if (format == config::LogFormat::kJson) {
    lines_ = std::make_unique<JsonLog>(STDERR_FILENO, LogLevel::kDebug);
  } else if (!stderr_is_journal()) {
    lines_ = std::make_unique<TextLog>(STDERR_FILENO, LogLevel::kDebug);
  }
}

void NodeLog::write(LogLevel level, std::string_view message) {
  if (level < level_.load()) return;
  if (lines_) return lines_->write(level, message);
  to_journal(nullptr, level, "", message);
}

void NodeLog::event(const LogEvent& event, LogLevel level, std::string_view client,
                    std::string_view message) {
  if (level < level_.load()) return;
  if (lines_) return lines_->event(event, level, client, message);
  to_journal(&event, level, client, message);
}

void NodeLog::to_journal(const LogEvent* event, LogLevel level, std::string_view client,
                         std::string_view message) const {
  std::vector<std::string> fields{fmt::format("MESSAGE={}", message),
                                  fmt::format("PRIORITY={}", journal::priority_of(level)),
                                  "SYNCNODE_INSTANCE=" + node_};
  if (event != nullptr) fields.push_back(fmt::format("MESSAGE_ID={}", event->id));
  if (!client.empty()) fields.push_back(fmt::format("SYNCNODE_CLIENT={}", client));
  // A line the journal does not take has nowhere else to go, ignoring.
  static_cast<void>(journal::send(std::move(fields)));
}

}  // namespace syncnode::daemon
