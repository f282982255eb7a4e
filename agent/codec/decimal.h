// PostgreSQL's numeric in its binary form (numeric_send: base-10000 digits), from and to plain decimal text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace syncnode::codec {

// Shortest text that reads back to the same double, always with '.', 'e' or "inf" in it ("1.0", "1e+20").
std::string real_literal(double value);
double read_real(std::string_view literal);  // correctly rounded

// Plain decimal text without exponent; `literal` is an integer or real literal of a finite value.
std::string plain_decimal(std::string_view literal);

std::string numeric_binary(std::string_view plain_decimal);
// Nothing for NaN, infinities and malformed input.
std::optional<std::string> numeric_text(std::string_view binary);

}  // namespace syncnode::codec
