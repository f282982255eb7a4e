#include "json/json.h"

#include <fmt/format.h>

#include <algorithm>

namespace syncnode::json {
namespace {

Error parse_error(std::string_view text, size_t byte) {
  auto before = text.substr(0, std::min(byte == 0 ? 0 : byte - 1, text.size()));
  auto line = std::count(before.begin(), before.end(), '\n') + 1;
  auto line_start = before.rfind('\n');
  auto column = before.size() - (line_start == std::string_view::npos ? 0 : line_start + 1) + 1;
  return {ErrorCode::kInvalidArgument, fmt::format("not valid JSON at line {}, column {}", line, column), ""};
}

const Json* member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(std::string(name));
  return found == object.end() ? nullptr : &*found;
}

}  // namespace

Result<Json> parse(std::string_view text) {
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::parse_error& error) {
    return parse_error(text, error.byte);
  } catch (const Json::exception& error) {  // a number out of range
    return Error{ErrorCode::kInvalidArgument, fmt::format("not valid JSON: {}", error.what()), ""};
  }
}

std::string to_text(const Json& document) {
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_pretty_text(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<std::string> string_member(const Json& object, std::string_view name) {
  const Json* value = member(object, name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

std::optional<int64_t> integer_member(const Json& object, std::string_view name) {
  const Json* value = member(object, name);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  return value->get<int64_t>();
}

}  // namespace syncnode::json
