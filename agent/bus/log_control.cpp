#include "bus/log_control.h"

#include <fmt/format.h>
#include <sdbus-c++/sdbus-c++.h>

#include "bus/calls.h"
#include "bus/driver.h"
#include "bus/error_names.h"

namespace syncnode::bus {
namespace {

constexpr const char* kPath = "/org/freedesktop/LogControl1";
constexpr const char* kInterface = "org.freedesktop.LogControl1";

// Setting a property is answered at once, so the caller's uid is asked for in place: one question to the bus,
// bounded by the connection's deadline, and only for callers the bus policy let through.
void set_level(sdbus::PropertySetCall& call, Driver& driver, LogControl& control, uid_t own_uid) {
  const uid_t uid = driver.uid_now(call.getSender());
  if (uid != 0 && uid != own_uid) {
    throw bus_error({ErrorCode::kPermissionDenied, fmt::format("uid {} may not set the log level", uid),
                     "run it as root"});
  }
  std::string word;
  call >> word;
  const auto level = level_of_syslog_word(word);
  if (!level) {
    throw bus_error(kInvalidArgs, {ErrorCode::kInvalidArgument, "there is no log level '" + word + "'",
                                   "one of emerg, alert, crit, err, warning, notice, info, debug"});
  }
  control.set_level(*level);
}

}  // namespace

std::string_view syslog_word(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "err";
  }
  return "info";
}

std::optional<LogLevel> level_of_syslog_word(std::string_view word) {
  if (word == "debug") return LogLevel::kDebug;
  if (word == "info" || word == "notice") return LogLevel::kInfo;
  if (word == "warning") return LogLevel::kWarning;
  if (word == "err" || word == "crit" || word == "alert" || word == "emerg") return LogLevel::kError;
  return std::nullopt;
}

std::unique_ptr<sdbus::IObject> export_log_control(sdbus::IConnection& connection, Driver& driver,
                                                   LogControl& control, uid_t own_uid) {
  auto object = sdbus::createObject(connection, kPath);
  sdbus::Flags silent;
  silent.set(sdbus::Flags::EMITS_NO_SIGNAL);
  sdbus::Flags constant;
  constant.set(sdbus::Flags::CONST_PROPERTY_VALUE);
  object->registerProperty(
      kInterface, "LogLevel", "s",
      [&control](sdbus::PropertyGetReply& reply) { reply << std::string(syslog_word(control.level())); },
      [&driver, &control, own_uid](sdbus::PropertySetCall& call) {
        set_level(call, driver, control, own_uid);
      },
      silent);
  object->registerProperty(
      kInterface, "LogTarget", "s", [&control](sdbus::PropertyGetReply& reply) { reply << control.target(); },
      silent);
  object->registerProperty(
      kInterface, "SyslogIdentifier", "s",
      [](sdbus::PropertyGetReply& reply) { reply << std::string("sync-node"); }, constant);
  object->finishRegistration();
  return object;
}

}  // namespace syncnode::bus
