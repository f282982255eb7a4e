// LogControl: the port through which an operator sets how much the node logs, and the standard D-Bus object
// on it: `systemctl service-log-level sync-node@a debug`. Everybody may look; root and the node's own uid may
// set. The port is called on the bus thread.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"

namespace sdbus {
class IConnection;
class IObject;
}  // namespace sdbus

namespace syncnode::bus {

class Driver;

class LogControl {
 public:
  virtual ~LogControl() = default;
  virtual LogLevel level() const = 0;
  virtual void set_level(LogLevel level) = 0;  // for the life of this process
  virtual std::string target() const = 0;      // "journal" or "console"
};

// syslog's words: what we lack maps to the next more talkative level that we have.
std::string_view syslog_word(LogLevel level);
std::optional<LogLevel> level_of_syslog_word(std::string_view word);

// The object lives as long as the pointer. Throws sdbus::Error.
std::unique_ptr<sdbus::IObject> export_log_control(sdbus::IConnection& connection, Driver& driver,
                                                   LogControl& control, uid_t own_uid);

}  // namespace syncnode::bus
