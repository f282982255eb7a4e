// Would PostgreSQL's json type take this text, and would it come back as text? Strict RFC 8259 as json_in
// reads it: UTF-8 without NUL, escapes checked, nothing after the value; nesting is bounded so that the
// server's stack is not.
#pragma once

#include <string_view>

namespace syncnode::codec {

inline constexpr int kDeepestJson = 512;

bool is_postgres_json(std::string_view text);

enum class NumberLiteral { kNone, kInteger, kReal };
// A json text that is nothing but a number stands for an INTEGER (canonical, within int64) or a REAL (has
// '.', 'e' or 'E'); anything else, "-0" and 20-digit integers included, stands for TEXT.
NumberLiteral number_literal(std::string_view text);

}  // namespace syncnode::codec
