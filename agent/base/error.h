// Error: the one currency of failure. A code chosen by what the caller should do next, one sentence that
// says what and why, and a hint that says what to do. Refuses to carry foreign codes: sqlite/, postgres/ and
// host/ translate theirs once, at the edge. Plain value, any thread.
#pragma once

#include <string>
#include <string_view>

namespace syncnode {

enum class ErrorCode {
  kInvalidArgument,     // the request or configuration is wrong; retrying cannot help
  kNotFound,            // the named thing does not exist
  kFailedPrecondition,  // fix some state first (schema missing, file refused, uid could write)
  kPermissionDenied,    // the role or uid may not do this
  kUnavailable,         // try this call again later (connection lost, file busy)
  kAborted,             // restart the whole cycle (snapshot broken, serialization failure)
  kFenced,              // another node holds a newer epoch: stop writing now
  kDeadlineExceeded,    // no answer in time; nothing is known to have been done
  kOutcomeUnknown,      // COMMIT was sent and no answer came: read back before acting
  kResourceExhausted,   // disk, memory or a configured limit
  kCorruption,          // the data contradicts its own format
  kStarved,             // no consistent snapshot without delaying the application; back off
  kCancelled,           // the caller asked to stop
  kInternal,            // a bug here
};

std::string_view to_string(ErrorCode code);  // lower-case words, e.g. "failed precondition"

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // lower case, no full stop, names 'quoted'
  std::string hint;     // what to do next; may be empty

  // "opening 'x': no such file": adds context, keeps the code and the hint.
  Error with_context(std::string_view context) &&;
  std::string to_string() const;  // "message; hint: …"
};

}  // namespace syncnode
