// Error names: how an Error travels over the bus and back. The name says what the caller should do next, the
// message says what and why, then "; hint: " and what next. Refuses to lose the code: every ErrorCode has its
// name, and a client gets the same code back. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace syncnode::bus {

inline constexpr const char* kNoSuchClient = "org.openwebui.SyncNode1.Error.NoSuchClient";
inline constexpr const char* kNoSuchJob = "org.openwebui.SyncNode1.Error.NoSuchJob";
inline constexpr const char* kNoSuchConflict = "org.openwebui.SyncNode1.Error.NoSuchConflict";
inline constexpr const char* kInvalidArgs = "org.freedesktop.DBus.Error.InvalidArgs";

const char* error_name(ErrorCode code);

// What a caller makes of an error reply, ours or the bus' own.
Error error_from(std::string_view name, std::string_view message);

// The bus disconnects who sends it a string with NUL or invalid UTF-8: such bytes become U+FFFD.
std::string bus_text(std::string_view text);

}  // namespace syncnode::bus
