// Arguments: what a request's body and parameters say, read strictly: a member or value that is not
// understood is an error, never ignored. Plain functions, any thread.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/target.h"
#include "json/json.h"

namespace syncnode::http {

// A JSON object with no other members than these.
Result<json::Json> read_object(const std::string& body, std::initializer_list<std::string_view> members);
// For requests that say everything in their path: no body, or an object without members.
Status expect_nothing(const std::string& body);

Result<std::string> required_text(const json::Json& object, std::string_view member);
// A text that is given and empty is an error: who means nothing leaves it out.
Result<std::optional<std::string>> optional_text(const json::Json& object, std::string_view member);
Result<bool> flag(const json::Json& object, std::string_view member, bool otherwise);
Result<std::optional<int64_t>> optional_integer(const json::Json& object, std::string_view member);

inline constexpr int64_t kDefaultLimit = 100;
inline constexpr int64_t kMostRows = 1000;
Result<int64_t> limit_parameter(const Target& target);  // 1 … kMostRows
Result<bool> flag_parameter(const Target& target, std::string_view name);

}  // namespace syncnode::http
