#include "cli/remote_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace syncnode::cli {
namespace {

Error refused(std::string_view text) {
  return {ErrorCode::kInvalidArgument, fmt::format("'{}' is not the URL of a node", text),
          "write it like http://127.0.0.1:9443 or https://host.example:9443"};
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool is_host(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
  });
}

}  // namespace

Result<RemoteUrl> parse_remote_url(std::string_view text) {
  RemoteUrl url;
  std::string_view rest = text;
  url.tls = take(rest, "https://");
  if (!url.tls && !take(rest, "http://")) return refused(text);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const bool bracketed = take(rest, "[");
  const size_t end = rest.find(bracketed ? ']' : ':');
  if (bracketed && end == std::string_view::npos) return refused(text);
  url.host = rest.substr(0, end);
  rest = end == std::string_view::npos ? "" : rest.substr(end + (bracketed ? 1 : 0));
  if (!is_host(url.host)) return refused(text);
  if (rest.empty()) return url;
  if (!take(rest, ":")) return refused(text);
  const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), url.port);
  if (read.ec != std::errc() || read.ptr != rest.data() + rest.size() || url.port == 0) return refused(text);
  return url;
}

bool is_loopback(std::string_view host) {
  const bool digits_only = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "::1" || (digits_only && host.starts_with("127."));
}

}  // namespace syncnode::cli
