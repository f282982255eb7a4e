// Response: an HTTP answer, as the server writes it and as the client reads it. Plain value, any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncnode::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  Headers headers;  // beside Content-Type and those every answer has

  // "" when there is none; names compare without case.
  std::string_view header(std::string_view name) const;
};

bool equal_without_case(std::string_view left, std::string_view right);  // ASCII

}  // namespace syncnode::http
