#include "daemon/conflict_news.h"

#include <fmt/format.h>

#include <algorithm>

#include "daemon/events.h"

namespace syncnode::daemon {
namespace {

bool tells(const conflict::Notification& wanted, conflict::Channel channel) {
  return wanted.enabled &&
         std::find(wanted.channels.begin(), wanted.channels.end(), channel) != wanted.channels.end();
}

// "2 of chat, 1 of config", of the tables somebody wants to hear of.
std::string listed(const sync::RunReport& report) {
  const auto& wanted = report.notification.tables;
  std::string text;
  for (const auto& [table, count] : report.conflicts.tables) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), table) == wanted.end()) continue;
    text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", count, table);
  }
  return text;
}

}  // namespace

void tell_conflicts(const std::string& client, const sync::RunReport& report, Log& log,
                    metrics::Metrics& metrics) {
  metrics.conflicts_detected(report.conflicts.detected);
  for (const auto& [strategy, times] : report.conflicts.resolved) metrics.conflict_resolved(strategy, times);
  if (report.conflicts.detected == 0) return;
  const bool to_log = tells(report.notification, conflict::Channel::kLog);
  if (const std::string tables = listed(report); to_log && !tables.empty()) {
    log.event(events::kConflictsFound, LogLevel::kInfo, client,
              fmt::format("client '{}': rows changed on both sides: {}; {} resolved by policy, {} wait",
                          client, tables, report.conflicts.resolutions(), report.conflicts_waiting));
  }
  const auto& limit = report.notification.threshold_conflicts_per_hour;
  if (!limit || report.conflicts.last_hour <= *limit) return;
  if (tells(report.notification, conflict::Channel::kMetrics)) metrics.conflict_alarm();
  if (to_log) {
    log.event(events::kManyConflicts, LogLevel::kWarning, client,
              fmt::format("client '{}': {} conflicts within an hour, more than the {} of its policy", client,
                          report.conflicts.last_hour, *limit));
  }
}

}  // namespace syncnode::daemon
