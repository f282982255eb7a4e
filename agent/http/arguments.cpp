#include "http/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "json/strict.h"

namespace syncnode::http {
namespace {

Error invalid(std::string message, std::string hint = "") {
  return {ErrorCode::kInvalidArgument, std::move(message), std::move(hint)};
}

}  // namespace

Result<json::Json> read_object(const std::string& body, std::initializer_list<std::string_view> members) {
  SN_ASSIGN(auto object, json::parse_strict(body));
  if (!object.is_object()) return invalid("the body is no JSON object");
  for (const auto& [name, value] : object.items()) {
    if (std::find(members.begin(), members.end(), name) != members.end()) continue;
    return invalid(
        fmt::format("unknown member '{}'", name),
        members.size() == 0 ? "none is taken here" : fmt::format("known: {}", fmt::join(members, ", ")));
  }
  return object;
}

Status expect_nothing(const std::string& body) {
  if (body.empty()) return {};
  SN_TRY(read_object(body, {}));
  return {};
}

Result<std::string> required_text(const json::Json& object, std::string_view member) {
  auto value = json::string_member(object, member);
  if (!value || value->empty()) return invalid(fmt::format("'{}' must be given, as a text", member));
  return *std::move(value);
}

Result<std::optional<std::string>> optional_text(const json::Json& object, std::string_view member) {
  if (!object.contains(std::string(member))) return std::optional<std::string>();
  SN_ASSIGN(auto text, required_text(object, member));
  return std::optional(std::move(text));
}

Result<bool> flag(const json::Json& object, std::string_view member, bool otherwise) {
  const auto found = object.find(std::string(member));
  if (found == object.end()) return otherwise;
  if (!found->is_boolean()) return invalid(fmt::format("'{}' must be true or false", member));
  return found->get<bool>();
}

Result<std::optional<int64_t>> optional_integer(const json::Json& object, std::string_view member) {
  const auto found = object.find(std::string(member));
  if (found == object.end()) return std::optional<int64_t>();
  if (!found->is_number_integer()) return invalid(fmt::format("'{}' must be a whole number", member));
  return std::optional(found->get<int64_t>());
}

Result<int64_t> limit_parameter(const Target& target) {
  const std::string_view text = target.parameter("limit");
  if (text.empty()) return kDefaultLimit;
  int64_t limit = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (code == std::errc() && end == text.data() + text.size() && limit >= 1 && limit <= kMostRows) {
    return limit;
  }
  return invalid(fmt::format("'limit' must be a number from 1 to {}", kMostRows));
}

Result<bool> flag_parameter(const Target& target, std::string_view name) {
  const std::string_view text = target.parameter(name);
  if (text.empty() || text == "false") return false;
  if (text == "true") return true;
  return invalid(fmt::format("'{}' must be true or false", name));
}

}  // namespace syncnode::http
