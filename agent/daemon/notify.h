// What systemd is told (sd_notify) and asked (its watchdog). Every call does nothing where systemd did not
// start us. Any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace syncnode::daemon {

void notify_ready(const std::string& status);
void notify_status(const std::string& status);
void notify_reloading();
void notify_stopping(const std::string& status);
void notify_alive();
// How long systemd waits for notify_alive() before it restarts us; nothing when it does not.
std::optional<std::chrono::microseconds> watchdog_patience();

}  // namespace syncnode::daemon
