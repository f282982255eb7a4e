#include "state/deployment_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "json/json.h"

namespace syncnode::state {
namespace {

using json::Json;

constexpr std::string_view kLive = "live";     // 0 there
constexpr int64_t kLongestInterval = 2678400;  // client_deployments.sync_interval
constexpr std::array<std::string_view, 4> kStatuses{"active", "paused", "migrating", "stopped"};

// Objects are equal whatever the order of their members; Json keeps that order.
bool same(const Json& a, const Json& b) {
  return nlohmann::json(a) == nlohmann::json(b);
}

Error refused(std::string_view key, std::string_view member, std::string_view what, std::string hint = "") {
  return {ErrorCode::kInvalidArgument, fmt::format("'{}' of '{}' {}", member, key, what), std::move(hint)};
}

Status read_enabled(std::string_view key, const Json& value, DeploymentChange& change) {
  if (!value.is_boolean()) return refused(key, "sync_enabled", "is true or false");
  change.sync_enabled = value.get<bool>();
  return {};
}

Status read_interval(std::string_view key, const Json& value, DeploymentChange& change) {
  const bool is_live = value == Json(kLive);
  const bool fits = is_live || (value.is_number_unsigned() && value.get<uint64_t>() <= kLongestInterval);
  if (!fits) {
    return refused(key, "sync_interval",
                   fmt::format("is a whole number of seconds, 1 to {}, or \"{}\" (shown as 0)",
                               kLongestInterval, kLive));
  }
  change.sync_interval = is_live ? 0 : value.get<int64_t>();
  return {};
}

Status read_status(std::string_view key, const Json& value, DeploymentChange& change) {
  const bool known = value.is_string() && std::find(kStatuses.begin(), kStatuses.end(),
                                                    value.get<std::string>()) != kStatuses.end();
  if (!known) return refused(key, "status", fmt::format("is one of {}", fmt::join(kStatuses, ", ")));
  change.status = value.get<std::string>();
  return {};
}

Status read_member(std::string_view key, const std::string& name, const Json& value,
                   DeploymentChange& change) {
  if (name == "sync_enabled") return read_enabled(key, value, change);
  if (name == "sync_interval") return read_interval(key, value, change);
  if (name == "status") return read_status(key, value, change);
  if (name == "config") {
    return Error{ErrorCode::kPermissionDenied,
                 fmt::format("'config' of '{}' cannot be changed by a node", key),
                 "it decides what is copied and how; an administrator changes it in client_deployments"};
  }
  return refused(key, name, "cannot be changed", "leave it out, or as it is");
}

}  // namespace

Result<DeploymentChange> deployment_change(std::string_view key, std::string_view current,
                                           std::string_view wanted) {
  SN_ASSIGN(const Json shown, json::parse(current));
  SN_ASSIGN(const Json document, json::parse(wanted));
  if (!document.is_object()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("the value of '{}' is a JSON object", key),
                 R"(for example {"sync_enabled":true,"sync_interval":300})"};
  }
  DeploymentChange change;
  for (const auto& [name, value] : document.items()) {
    const auto was = shown.find(name);
    if (was == shown.end()) {
      return refused(key, name, "is not known", "known are sync_enabled, sync_interval and status");
    }
    if (same(*was, value)) continue;
    SN_TRY(read_member(key, name, value, change));
  }
  // To enable a paused client without a word on its status is to resume it; else it would stay as it is.
  const bool enables = document.contains("sync_enabled") && document["sync_enabled"] == Json(true);
  if (enables && !document.contains("status") && shown.value("status", "") == "paused") {
    change.status = "active";
  }
  return change;
}

}  // namespace syncnode::state
