#include "config/database_url.h"

#include <fmt/format.h>

#include <charconv>

#include "base/hex.h"

namespace syncnode::config {
namespace {

constexpr std::string_view kForm = "postgresql://USER:PASSWORD@HOST:5432/DATABASE";
constexpr std::string_view kEncodeHint =
    "write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE, with special characters as %XX (e.g. @ as "
    "%40)";

Error refused(std::string_view why) {
  return {ErrorCode::kInvalidArgument, fmt::format("database URL {}", why), std::string(kEncodeHint)};
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

bool is_port(std::string_view text) {
  int port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

std::string_view take_until(std::string_view& text, std::string_view stops) {
  auto end = text.find_first_of(stops);
  auto taken = text.substr(0, end);
  text.remove_prefix(taken.size());
  return taken;
}

Status read_user(std::string_view text, DatabaseUrl& url) {
  auto colon = text.find(':');
  SN_ASSIGN(url.user, percent_decode(text.substr(0, colon)));
  if (colon == std::string_view::npos) return {};
  SN_ASSIGN(url.password, percent_decode(text.substr(colon + 1)));
  return {};
}

Status read_host(std::string_view text, DatabaseUrl& url) {
  DatabaseUrl::Host host;
  if (!text.empty() && text.front() == '[') {
    auto end = text.find(']');
    if (end == std::string_view::npos) return refused("has an open '[' in its host");
    host.name = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (host.name.empty() || (!text.empty() && text.front() != ':')) return refused("has a malformed host");
  } else {
    auto colon = text.find(':');
    SN_ASSIGN(host.name, percent_decode(text.substr(0, colon)));
    text.remove_prefix(colon == std::string_view::npos ? text.size() : colon);
  }
  if (!text.empty()) {
    host.port = text.substr(1);
    if (!host.port.empty() && !is_port(host.port)) return refused("has a port that is not 1 to 65535");
  }
  url.hosts.push_back(std::move(host));
  return {};
}

Status read_authority(std::string_view text, DatabaseUrl& url) {
  // An unencoded '@' in a password would silently become part of the host: exactly one is allowed.
  auto at = text.find('@');
  if (at != std::string_view::npos) {
    SN_TRY(read_user(text.substr(0, at), url));
    text.remove_prefix(at + 1);
    if (text.find('@') != std::string_view::npos) return refused("has more than one '@'");
  }
  if (text.empty()) return {};
  while (true) {
    auto one = take_until(text, ",");
    SN_TRY(read_host(one, url));
    if (text.empty()) return {};
    text.remove_prefix(1);
  }
}

Status read_parameters(std::string_view text, DatabaseUrl& url) {
  while (!text.empty()) {
    auto one = take_until(text, "&");
    if (!text.empty()) text.remove_prefix(1);
    auto equals = one.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return refused("has a parameter that is not name=value");
    SN_ASSIGN(auto name, percent_decode(one.substr(0, equals)));
    SN_ASSIGN(auto value, percent_decode(one.substr(equals + 1)));
    if (name == "password") {
      url.password = std::move(value);
    } else if (name == "user") {
      url.user = std::move(value);
    } else {
      url.parameters.emplace_back(std::move(name), std::move(value));
    }
  }
  return {};
}

bool is_secret_parameter(std::string_view name) {
  return name.find("password") != std::string_view::npos;
}

enum class Secrets { kShown, kMasked };

std::string print(const DatabaseUrl& url, Secrets secrets) {
  bool masked = secrets == Secrets::kMasked;
  std::string text = "postgresql://";
  if (!url.user.empty() || url.password) {
    text += percent_encode(url.user);
    if (url.password) text += ":" + (masked ? "***" : percent_encode(*url.password));
    text += "@";
  }
  bool first = true;
  for (const auto& host : url.hosts) {
    if (!first) text += ",";
    first = false;
    bool ipv6 = host.name.find(':') != std::string::npos;
    text += ipv6 ? fmt::format("[{}]", host.name) : percent_encode(host.name);
    if (!host.port.empty()) text += ":" + host.port;
  }
  text += "/" + percent_encode(url.database);
  char separator = '?';
  for (const auto& [name, value] : url.parameters) {
    std::string shown = masked && is_secret_parameter(name) ? "***" : percent_encode(value);
    text += fmt::format("{}{}={}", separator, percent_encode(name), shown);
    separator = '&';
  }
  return text;
}

}  // namespace

bool DatabaseUrl::through_supabase_pooler() const {
  constexpr std::string_view kPooler = ".pooler.supabase.com";
  return hosts.size() == 1 && hosts[0].name.size() > kPooler.size() &&
         std::string_view(hosts[0].name).substr(hosts[0].name.size() - kPooler.size()) == kPooler;
}

std::string DatabaseUrl::login_role() const {
  if (!through_supabase_pooler()) return user;
  return user.substr(0, user.rfind('.'));
}

bool DatabaseUrl::holds_secret() const {
  if (password && !password->empty()) return true;
  for (const auto& [name, value] : parameters) {
    if (is_secret_parameter(name)) return true;
  }
  return false;
}

Result<DatabaseUrl> parse_database_url(std::string_view text) {
  for (std::string_view scheme : {"postgresql://", "postgres://"}) {
    if (text.substr(0, scheme.size()) != scheme) continue;
    text.remove_prefix(scheme.size());
    for (char c : text) {
      if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f)
        return refused("holds a blank or control character");
      if (c == '#') return refused("holds a '#', which starts a fragment");
    }
    DatabaseUrl url;
    SN_TRY(read_authority(take_until(text, "/?"), url));
    if (!text.empty() && text.front() == '/') {
      text.remove_prefix(1);
      auto path = take_until(text, "?");
      if (path.find('/') != std::string_view::npos) return refused("has a '/' in its database name");
      SN_ASSIGN(url.database, percent_decode(path));
    }
    if (!text.empty()) SN_TRY(read_parameters(text.substr(1), url));
    return url;
  }
  return Error{ErrorCode::kInvalidArgument, "database URL does not begin with postgresql://",
               fmt::format("write it as {}", kForm)};
}

std::string to_url(const DatabaseUrl& url) {
  return print(url, Secrets::kShown);
}

std::string masked_url(const DatabaseUrl& url) {
  return print(url, Secrets::kMasked);
}

std::string percent_encode(std::string_view bytes) {
  std::string text;
  for (char c : bytes) {
    if (is_unreserved(c)) {
      text.push_back(c);
    } else {
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      bytes.push_back(text[i]);
      continue;
    }
    auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return refused("has a '%' that is not followed by two hex digits");
    if ((*byte)[0] == '\0') return refused("holds %00");
    bytes += *byte;
    i += 2;
  }
  return bytes;
}

}  // namespace syncnode::config
