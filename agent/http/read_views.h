// Read views: what render.h writes, as views again, for programs that ask a node over HTTP. A member that is
// missing or null is unknown; members of newer nodes are passed over. kCorruption for what is no such
// document. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/views.h"
#include "json/json.h"

namespace syncnode::http {

Result<control::HealthView> read_health(const json::Json& document);
Result<control::ClusterHostView> read_cluster_host(const json::Json& document);
Result<control::DeploymentView> read_deployment(const json::Json& document);
Result<control::JobView> read_job(const json::Json& document);

// The rows of {"NAME": [ … ]}.
template <typename View>
Result<std::vector<View>> read_list(const json::Json& document, std::string_view name,
                                    Result<View> (*read)(const json::Json&)) {
  const auto rows = document.find(std::string(name));
  if (rows == document.end() || !rows->is_array())
    return Error{ErrorCode::kCorruption, "the answer holds no list '" + std::string(name) + "'", ""};
  std::vector<View> views;
  for (const auto& row : *rows) {
    SN_ASSIGN(auto view, read(row));
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace syncnode::http
