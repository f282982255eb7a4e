// Strict reading: JSON as a stranger sent it. Beyond the grammar it refuses what a lenient reader would
// silently decide: a member given twice, and nesting that could exhaust a stack later. Time and memory are
// linear in the text. Plain functions, any thread.
#pragma once

#include <string_view>

#include "json/json.h"

namespace syncnode::json {

inline constexpr int kDeepestNesting = 64;

// kInvalidArgument; names the path of the member that is at fault ("value.a[2].b").
Result<Json> parse_strict(std::string_view text, int deepest = kDeepestNesting);

// A member's text as it was written, so that big numbers, order and escapes stay what they are. `object` must
// have passed parse_strict() and be an object; "" when it has no such member.
std::string_view member_text(std::string_view object, std::string_view name);

// Where the value that begins at `at` ends. `text` must have passed parse_strict().
size_t end_of_value(std::string_view text, size_t at);

}  // namespace syncnode::json
