#include "bus/error_names.h"

#include <array>

#include "base/utf8.h"

namespace syncnode::bus {
namespace {

constexpr std::string_view kPrefix = "org.openwebui.SyncNode1.Error.";
constexpr std::string_view kErrno = "System.Error.";
constexpr std::string_view kHint = "; hint: ";

struct Row {
  ErrorCode code;
  const char* name;
};

constexpr std::array kNames{
    Row{ErrorCode::kInvalidArgument, "org.openwebui.SyncNode1.Error.InvalidArgument"},
    Row{ErrorCode::kNotFound, "org.openwebui.SyncNode1.Error.NotFound"},
    Row{ErrorCode::kFailedPrecondition, "org.openwebui.SyncNode1.Error.FailedPrecondition"},
    Row{ErrorCode::kPermissionDenied, "org.openwebui.SyncNode1.Error.NotAuthorized"},
    Row{ErrorCode::kUnavailable, "org.openwebui.SyncNode1.Error.NotReady"},
    Row{ErrorCode::kAborted, "org.openwebui.SyncNode1.Error.Conflict"},
    Row{ErrorCode::kFenced, "org.openwebui.SyncNode1.Error.NotLeader"},
    Row{ErrorCode::kDeadlineExceeded, "org.openwebui.SyncNode1.Error.TimedOut"},
    Row{ErrorCode::kOutcomeUnknown, "org.openwebui.SyncNode1.Error.OutcomeUnknown"},
    Row{ErrorCode::kResourceExhausted, "org.openwebui.SyncNode1.Error.Busy"},
    Row{ErrorCode::kCorruption, "org.openwebui.SyncNode1.Error.Corruption"},
    Row{ErrorCode::kStarved, "org.openwebui.SyncNode1.Error.Starved"},
    Row{ErrorCode::kCancelled, "org.openwebui.SyncNode1.Error.Cancelled"},
    Row{ErrorCode::kInternal, "org.openwebui.SyncNode1.Error.Failed"},
};

// Names that only travel towards the caller: narrower ones of ours, and those of the bus and its libraries.
struct Foreign {
  std::string_view name;
  ErrorCode code;
  std::string_view message;  // instead of the library's; "" keeps it
  std::string_view hint;
};

constexpr std::string_view kStart = "start it with: systemctl start sync-node@a sync-node@b";
constexpr std::string_view kNoNode = "no sync-node answers by this name on the bus";
constexpr std::array kForeign{
    Foreign{kNoSuchClient, ErrorCode::kNotFound, "", ""},
    Foreign{kNoSuchJob, ErrorCode::kNotFound, "", ""},
    Foreign{kNoSuchConflict, ErrorCode::kNotFound, "", ""},
    Foreign{kInvalidArgs, ErrorCode::kInvalidArgument, "", ""},
    Foreign{"org.freedesktop.DBus.Error.ServiceUnknown", ErrorCode::kUnavailable, kNoNode, kStart},
    Foreign{"org.freedesktop.DBus.Error.NameHasNoOwner", ErrorCode::kUnavailable, kNoNode, kStart},
    Foreign{"org.freedesktop.DBus.Error.Disconnected", ErrorCode::kUnavailable, "", "try again"},
    Foreign{"org.freedesktop.DBus.Error.NoServer", ErrorCode::kUnavailable, "",
            "start dbus: systemctl start dbus"},
    Foreign{"org.freedesktop.DBus.Error.FileNotFound", ErrorCode::kUnavailable, "no bus listens there",
            "start dbus: systemctl start dbus"},
    Foreign{"org.freedesktop.DBus.Error.AccessDenied", ErrorCode::kPermissionDenied, "",
            "run as root, or ask for the polkit action"},
    Foreign{"org.freedesktop.DBus.Error.NoReply", ErrorCode::kDeadlineExceeded, "the node did not answer",
            "look at: systemctl status 'sync-node@*'"},
    Foreign{"org.freedesktop.DBus.Error.Timeout", ErrorCode::kDeadlineExceeded,
            "the node did not answer in time", "look at: systemctl status 'sync-node@*'"},
    Foreign{"org.freedesktop.DBus.Error.UnknownMethod", ErrorCode::kFailedPrecondition, "",
            "the node on the bus is of another version; restart it after an upgrade"},
    Foreign{"org.freedesktop.DBus.Error.UnknownObject", ErrorCode::kFailedPrecondition, "",
            "the node on the bus is of another version; restart it after an upgrade"},
};

}  // namespace

const char* error_name(ErrorCode code) {
  for (const Row& row : kNames) {
    if (row.code == code) return row.name;
  }
  return "org.openwebui.SyncNode1.Error.Failed";
}

Error error_from(std::string_view name, std::string_view message) {
  for (const Foreign& row : kForeign) {
    if (row.name != name || (row.message.empty() && row.hint.empty())) continue;
    return {row.code, std::string(row.message.empty() ? message : row.message), std::string(row.hint)};
  }
  Error error{ErrorCode::kInternal, std::string(message), ""};
  if (const size_t at = message.rfind(kHint); at != std::string_view::npos) {
    error.message = message.substr(0, at);
    error.hint = message.substr(at + kHint.size());
  }
  for (const Row& row : kNames) {
    if (row.name == name) return error.code = row.code, error;
  }
  for (const Foreign& row : kForeign) {
    if (row.name == name) return error.code = row.code, error;
  }
  if (name.substr(0, kErrno.size()) == kErrno) error.code = ErrorCode::kUnavailable;  // the connection's
  if (name.substr(0, kPrefix.size()) != kPrefix) error.message += " (" + std::string(name) + ")";
  return error;
}

std::string bus_text(std::string_view text) {
  if (is_postgres_text(text)) return std::string(text);
  std::string clean;
  while (!text.empty()) {
    size_t length = 1;  // of the next character; a text of one character is valid or it is not
    while (length <= 4 && length <= text.size() && !is_postgres_text(text.substr(0, length))) ++length;
    const bool valid = length <= 4 && length <= text.size();
    clean += valid ? text.substr(0, length) : std::string_view("\xEF\xBF\xBD");
    text.remove_prefix(valid ? length : 1);
  }
  return clean;
}

}  // namespace syncnode::bus
