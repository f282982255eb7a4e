#include "state/state_key.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "json/json.h"

namespace syncnode::state {
namespace {

// A client's name may have more bytes than a plain key: it becomes one byte each in its schema's name.
constexpr size_t kMaxDeploymentKeyBytes = 300;

Error invalid(std::string message, std::string hint) {
  return {ErrorCode::kInvalidArgument, std::move(message), std::move(hint)};
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// Of a text that is JSON: brackets outside of strings.
int depth_of(std::string_view json) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

Status check_key(std::string_view key) {
  const size_t limit = key.starts_with(kDeploymentPrefix) ? kMaxDeploymentKeyBytes : kMaxKeyBytes;
  if (key.empty() || key.size() > limit) {
    return invalid(fmt::format("a state's key has 1 to {} bytes, this one {}", limit, key.size()),
                   "choose a shorter name, and put the rest into the value");
  }
  if (!is_postgres_text(key) || std::any_of(key.begin(), key.end(), is_control)) {
    return invalid("a state's key is UTF-8 text without control characters", "");
  }
  if (key == kDeploymentPrefix)
    return invalid("'deployment.' names no client", "use 'deployment.CLIENT_NAME'");
  return {};
}

Status check_value(std::string_view key, std::string_view value) {
  if (value.size() > kMaxValueBytes) {
    return invalid(
        fmt::format("the value of '{}' has {} bytes, at most {} are kept", key, value.size(), kMaxValueBytes),
        "split it over several keys");
  }
  // Before parsing, and again in the server: brackets in brackets cost stack where they are read.
  if (depth_of(value) > kMaxDepth) {
    return invalid(fmt::format("the value of '{}' is nested deeper than {} levels", key, kMaxDepth), "");
  }
  auto parsed = json::parse(value);
  if (!parsed) return std::move(parsed.error()).with_context(fmt::format("the value of '{}'", key));
  return {};
}

std::optional<std::string_view> deployment_client(std::string_view key) {
  if (!key.starts_with(kDeploymentPrefix)) return std::nullopt;
  return key.substr(kDeploymentPrefix.size());
}

Error not_found(std::string_view key) {
  if (const auto client = deployment_client(key)) {
    return {ErrorCode::kNotFound, fmt::format("there is no client '{}' in this cluster", *client),
            "'sync-nodectl client list' shows the clients"};
  }
  return {ErrorCode::kNotFound, fmt::format("there is no state '{}'", key), ""};
}

Error version_differs(std::string_view key, int64_t stored, int64_t wanted) {
  const std::string hint = "read it again and decide anew";
  if (stored == 0) {
    return {ErrorCode::kAborted,
            fmt::format("state '{}' does not exist, version {} was expected", key, wanted), hint};
  }
  if (wanted == 0) {
    return {ErrorCode::kAborted,
            fmt::format("state '{}' exists with version {}, version 0 (none) was expected", key, stored),
            hint};
  }
  return {ErrorCode::kAborted, fmt::format("state '{}' has version {}, not {}", key, stored, wanted), hint};
}

}  // namespace syncnode::state
