#include "http/errors.h"

#include <fmt/format.h>

#include <array>

#include "json/json.h"

namespace syncnode::http {
namespace {

struct Row {
  ErrorCode code;
  int status;
  std::string_view word;
};

constexpr std::array kTable{
    Row{ErrorCode::kInvalidArgument, 400, "invalid_argument"},
    Row{ErrorCode::kNotFound, 404, "not_found"},
    Row{ErrorCode::kFailedPrecondition, 409, "failed_precondition"},
    Row{ErrorCode::kPermissionDenied, 403, "permission_denied"},
    Row{ErrorCode::kUnavailable, 503, "unavailable"},
    Row{ErrorCode::kAborted, 412, "precondition_failed"},
    Row{ErrorCode::kFenced, 403, "not_leader"},
    Row{ErrorCode::kDeadlineExceeded, 504, "deadline_exceeded"},
    Row{ErrorCode::kOutcomeUnknown, 504, "outcome_unknown"},
    Row{ErrorCode::kResourceExhausted, 503, "resource_exhausted"},
    Row{ErrorCode::kCorruption, 500, "corruption"},
    Row{ErrorCode::kStarved, 503, "starved"},
    Row{ErrorCode::kCancelled, 503, "cancelled"},
    Row{ErrorCode::kInternal, 500, "internal_error"},
};

const Row& row_of(ErrorCode code) {
  for (const Row& row : kTable) {
    if (row.code == code) return row;
  }
  return kTable.back();
}

// For words of the door itself (and of other programs), which are not in the table.
ErrorCode code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::kPermissionDenied;
    case 404:
      return ErrorCode::kNotFound;
    case 408:
    case 504:
      return ErrorCode::kDeadlineExceeded;
    case 409:
      return ErrorCode::kFailedPrecondition;
    case 412:
      return ErrorCode::kAborted;
    case 429:
    case 502:
    case 503:
      return ErrorCode::kUnavailable;
    default:
      return status < 500 ? ErrorCode::kInvalidArgument : ErrorCode::kInternal;
  }
}

}  // namespace

int status_of(ErrorCode code) {
  return row_of(code).status;
}

std::string_view word_of(ErrorCode code) {
  return row_of(code).word;
}

Response refusal(int status, std::string_view word, std::string_view detail, std::string_view hint) {
  Response response;
  response.status = status;
  response.body = json::to_text({{"error", word}, {"detail", detail}, {"hint", hint}});
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response refusal(const Error& error) {
  const Row& row = row_of(error.code);
  return refusal(row.status, row.word, error.message, error.hint);
}

Error error_from(const Response& response) {
  Error error{code_of_status(response.status), fmt::format("HTTP status {}", response.status), ""};
  const auto body = json::parse(response.body);
  if (!body) return error;
  error.message = json::string_member(*body, "detail").value_or(error.message);
  error.hint = json::string_member(*body, "hint").value_or("");
  const auto word = json::string_member(*body, "error").value_or("");
  for (const Row& row : kTable) {
    if (row.word == word) error.code = row.code;
  }
  return error;
}

}  // namespace syncnode::http
