// Json: a JSON document, and reading one from text. The only folder that includes nlohmann/json.hpp; its
// parse exceptions become an Error here. Objects keep the order in which keys were added, so output is
// stable. Reading a member of the wrong type throws in the library: check kinds first, or use the readers
// below. Plain value, any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace syncnode::json {

using Json = nlohmann::ordered_json;

// kInvalidArgument with line and column of the first byte that does not fit.
Result<Json> parse(std::string_view text);

// Invalid UTF-8 becomes U+FFFD, since a report about bad bytes must not fail because of them.
std::string to_text(const Json& document);         // one line
std::string to_pretty_text(const Json& document);  // two spaces, ends with a newline

// A member of an object; nothing when it is absent or of another kind.
std::optional<std::string> string_member(const Json& object, std::string_view name);
std::optional<int64_t> integer_member(const Json& object, std::string_view name);

}  // namespace syncnode::json
