#include "http/response_text.h"

#include <fmt/format.h>

#include <boost/beast/http/status.hpp>
#include <ctime>
#include <iterator>

namespace syncnode::http {

namespace {

// For the peer to judge the age of an answer by; nothing here depends on it.
std::string date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

}  // namespace

std::string to_bytes(const Response& response, Framing framing) {
  const auto reason = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(response.status)));
  fmt::memory_buffer out;
  // Answers show what is now, to who asked: nobody on the way may keep or reinterpret them.
  fmt::format_to(std::back_inserter(out),
                 "HTTP/1.1 {} {}\r\n"
                 "Server: sync-node\r\n"
                 "Date: {}\r\n"
                 "Cache-Control: no-store\r\n"
                 "X-Content-Type-Options: nosniff\r\n"
                 "Connection: {}\r\n",
                 response.status, std::string_view(reason.data(), reason.size()), date(),
                 framing.keep_alive ? "keep-alive" : "close");
  if (response.status != 304) {
    fmt::format_to(std::back_inserter(out), "Content-Type: {}\r\nContent-Length: {}\r\n",
                   response.content_type, response.body.size());
  }
  for (const auto& [name, value] : response.headers) {
    fmt::format_to(std::back_inserter(out), "{}: {}\r\n", name, value);
  }
  out.append(std::string_view("\r\n"));
  if (!framing.head_only && response.status != 304) out.append(response.body);
  return fmt::to_string(out);
}

}  // namespace syncnode::http
