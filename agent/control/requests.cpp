#include "control/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace syncnode::control {
namespace {

constexpr int64_t kMostRows = 1000;
constexpr size_t kUuid = 36, kShortestId = 4;  // characters

bool made_of(std::string_view text, bool (*fits)(char)) {
  return std::all_of(text.begin(), text.end(), fits);
}

// Bytes a person can read in an answer; the rest of a hostile name is not repeated to him.
std::string shown(std::string_view text) {
  std::string clean(text.substr(0, 80));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return clean;
}

// Digits and dashes where a uuid has them.
bool begins_uuid(std::string_view text) {
  bool good = text.size() <= kUuid;
  for (size_t i = 0; good && i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    good = dash ? text[i] == '-' : std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
  }
  return good;
}

Status check_type(std::string_view type) {
  constexpr std::string_view kTypes[] = {"update_conflict", "delete_conflict", "constraint_violation",
                                         "type_mismatch", "custom"};
  if (std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes)) return {};
  return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is no type of conflict", shown(type)),
               fmt::format("known: {}", fmt::join(kTypes, ", "))};
}

// What PostgreSQL would read as a shorter name is none.
Status check_table_name(std::string_view name) {
  if (!name.empty() && name.find('\0') == std::string_view::npos) return {};
  return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is not the name of a table", shown(name)),
               "leave it out for every table"};
}

Error no_resolution(std::string_view choice, const char* choices) {
  return {ErrorCode::kInvalidArgument, fmt::format("'{}' is not a resolution", shown(choice)), choices};
}

}  // namespace

Result<JobKind> check_trigger(const TriggerRequest& request) {
  SN_TRY(check_client_name(request.client_name));
  if (request.full && request.verify) {
    return Error{ErrorCode::kInvalidArgument, "a full sync ships whatever a verify would find",
                 "ask for a verify first, for a full sync afterwards"};
  }
  if (request.verify) return JobKind::kVerify;
  return request.full ? JobKind::kFullSync : JobKind::kSync;
}

Status check_client_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (!name.empty() && name.size() <= 56 && made_of(name, fits)) return {};
  return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is not a client name", shown(name)),
               "1 to 56 letters, digits, '_' and '-'; sync-nodectl client list shows those there are"};
}

Status check_uuid(std::string_view what, std::string_view text) {
  if (text.size() == kUuid && begins_uuid(text)) return {};
  return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is not the id of a {}", shown(text), what),
               "an id looks like 01234567-89ab-cdef-0123-456789abcdef"};
}

Status check_limit(int64_t limit) {
  if (limit >= 1 && limit <= kMostRows) return {};
  return Error{ErrorCode::kInvalidArgument, fmt::format("limit={} is out of range", limit),
               fmt::format("use 1 to {}", kMostRows)};
}

Status check_choice(const Resolution& resolution) {
  constexpr std::string_view kChoices[] = {"source", "target", "merge", "value"};
  if (std::find(std::begin(kChoices), std::end(kChoices), resolution.choice) == std::end(kChoices)) {
    return no_resolution(resolution.choice, "use source, target, merge or value");
  }
  if ((resolution.choice == "value") != !resolution.value.empty()) {
    return Error{ErrorCode::kInvalidArgument, "a value belongs to the choice 'value', and to no other", ""};
  }
  return {};
}

Status check_conflict_id(std::string_view text) {
  if (text.size() < kShortestId) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("'{}' is too short for a conflict's id", shown(text)),
                 fmt::format("give at least its first {} characters", kShortestId)};
  }
  if (begins_uuid(text)) return {};
  return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is not the id of a conflict", shown(text)),
               "an id looks like 01234567-89ab-cdef-0123-456789abcdef; its beginning is enough"};
}

Status check_filter(const ConflictFilter& filter) {
  SN_TRY(check_limit(filter.limit));
  if (!filter.table_name.empty()) SN_TRY(check_table_name(filter.table_name));
  return filter.conflict_type.empty() ? Status() : check_type(filter.conflict_type);
}

Status check_bulk(const BulkResolution& resolution) {
  SN_TRY(check_client_name(resolution.client_name));
  if (resolution.table_name) SN_TRY(check_table_name(*resolution.table_name));
  if (resolution.conflict_type) SN_TRY(check_type(*resolution.conflict_type));
  const auto& choice = resolution.choice;
  if (choice == "source" || choice == "target" || choice == "merge") return {};
  return no_resolution(choice, "use source, target or merge; a value is for one conflict");
}

}  // namespace syncnode::control
