#include "base/error.h"

namespace syncnode {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid argument";
    case ErrorCode::kNotFound:
      return "not found";
    case ErrorCode::kFailedPrecondition:
      return "failed precondition";
    case ErrorCode::kPermissionDenied:
      return "permission denied";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kAborted:
      return "aborted";
    case ErrorCode::kFenced:
      return "fenced";
    case ErrorCode::kDeadlineExceeded:
      return "deadline exceeded";
    case ErrorCode::kOutcomeUnknown:
      return "outcome unknown";
    case ErrorCode::kResourceExhausted:
      return "resource exhausted";
    case ErrorCode::kCorruption:
      return "corruption";
    case ErrorCode::kStarved:
      return "starved";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInternal:
      return "internal error";
  }
  return "internal error";
}

Error Error::with_context(std::string_view context) && {
  message.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

std::string Error::to_string() const {
  return hint.empty() ? message : message + "; hint: " + hint;
}

}  // namespace syncnode
