#include "postgres/script.h"

#include <algorithm>
#include <cassert>
#include <charconv>

namespace syncnode::postgres {
namespace {

// The end of the literal, quoted name or comment that begins at `at`; `at` itself where none does.
size_t skipped(std::string_view sql, size_t at) {
  if (sql[at] == '-' && sql.substr(at, 2) == "--") return std::min(sql.find('\n', at), sql.size());
  if (sql[at] != '\'' && sql[at] != '"') return at;
  const size_t end = sql.find(sql[at], at + 1);
  return end == std::string_view::npos ? sql.size() : end + 1;
}

std::string literal(const Param& param) {
  assert(!param.binary);
  return param.is_null ? "NULL" : Connection::quote_literal(param.bytes);
}

}  // namespace

void Script::add(std::string_view sql, const std::vector<Param>& params) {
  if (count_++ > 0) text_ += ";\n";
  for (size_t at = 0; at < sql.size();) {
    const size_t end = skipped(sql, at);
    if (end > at) {
      text_ += sql.substr(at, end - at);
      at = end;
      continue;
    }
    size_t number = 0;
    const auto parsed = std::from_chars(sql.data() + at + 1, sql.data() + sql.size(), number);
    if (sql[at] == '$' && parsed.ec == std::errc() && number >= 1 && number <= params.size()) {
      text_ += literal(params[number - 1]);
      at = static_cast<size_t>(parsed.ptr - sql.data());
      continue;
    }
    text_ += sql[at++];
  }
}

}  // namespace syncnode::postgres
