// The exit codes of sync-nodectl, documented in docs/TECHNICAL_REFERENCE.md and the manual page. Scripts rely
// on them.
#pragma once

#include "base/error.h"

namespace syncnode::cli {

enum class ExitCode {
  kOk = 0,
  kFailed = 1,         // also: verify found a difference; no node answers, leads or can do its duty
  kNeedsPerson = 2,    // done as far as allowed; deletes are held; status: degraded
  kNoSuchClient = 4,   // no such client or job, or nothing held of it
  kNotAllowed = 5,     // the role, the uid or row security says no
  kTimeout = 7,        // no answer in time
  kUsage = 64,         // the command line is wrong
  kConfiguration = 78  // the settings are wrong
};

// For an error whose place gives no better code.
inline ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kPermissionDenied:
      return ExitCode::kNotAllowed;
    case ErrorCode::kDeadlineExceeded:
      return ExitCode::kTimeout;
    default:
      return ExitCode::kFailed;
  }
}

// For an error of a command that only asks: a bad request is a bad command line.
inline ExitCode exit_code_of_request(const Error& error) {
  return error.code == ErrorCode::kInvalidArgument ? ExitCode::kUsage : exit_code_of(error);
}

// For an error of a command that asks a node: what cannot be meant was typed, and the settings were not wrong
// in any other way.
inline ExitCode exit_code_of_asking(const Error& error) {
  return error.code == ErrorCode::kNotFound ? ExitCode::kNoSuchClient : exit_code_of_request(error);
}

}  // namespace syncnode::cli
