// Target: what a request line asks for, taken apart strictly. Refuses to guess: a bad escape, a NUL, a
// parameter given twice are errors, and nothing is decoded twice. Plain values, any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace syncnode::http {

struct Target {
  std::string authority;  // of "http://authority/path", as proxies send it; else ""
  std::string path;       // as sent, begins with '/'
  std::vector<std::pair<std::string, std::string>> parameters;  // decoded

  // "" when it was not given.
  std::string_view parameter(std::string_view name) const;
};

Result<Target> parse_target(std::string_view target);

// Each %XX becomes its byte, once; '+' stays. Nothing when an escape is broken or yields NUL.
std::optional<std::string> percent_decode(std::string_view text);
// For the client: everything but letters, digits and "-._~" becomes %XX.
std::string percent_encode(std::string_view text);

// A path segment that names something (state key, job, client, conflict): decoded once, then 1 to 200 of
// [A-Za-z0-9._:-]. "." and ".." are refused, since programs on the way resolve them.
Result<std::string> decode_name(std::string_view segment);

// Does `path` fit `pattern`? "{x}" takes one segment, "{x*}" at the end the rest; both as sent.
bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& captures);

}  // namespace syncnode::http
