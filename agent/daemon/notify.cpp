#include "daemon/notify.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <ctime>

namespace syncnode::daemon {
namespace {

// Nobody listens, or nobody can be told: there is nothing to be done about either, ignoring.
void notify(const std::string& message) {
  static_cast<void>(::sd_notify(0, message.c_str()));
}

}  // namespace

void notify_ready(const std::string& status) {
  notify(fmt::format("READY=1\nSTATUS={}", status));
}

void notify_status(const std::string& status) {
  notify(fmt::format("STATUS={}", status));
}

void notify_reloading() {
  // The protocol asks for CLOCK_MONOTONIC, by which systemd orders messages (sd_notify(3)).
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                     static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000));
}

void notify_stopping(const std::string& status) {
  notify(fmt::format("STOPPING=1\nSTATUS={}", status));
}

void notify_alive() {
  notify("WATCHDOG=1");
}

std::optional<std::chrono::microseconds> watchdog_patience() {
  uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::microseconds(microseconds);
}

}  // namespace syncnode::daemon
