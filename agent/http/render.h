// Render: the control's views as the JSON this door promises. Unknown is null, never 0 or "". Any thread.
#pragma once

#include <string>
#include <vector>

#include "control/conflict_detail.h"
#include "control/views.h"
#include "http/message.h"
#include "json/json.h"

namespace syncnode::http {

json::Json to_json(const control::HealthView& view);
json::Json to_json(const control::ClusterHostView& view);
json::Json to_json(const control::DeploymentView& view);
json::Json to_json(const control::JobView& view);
json::Json to_json(const control::ConflictView& view);  // without its rows, as lists have it
json::Json to_json(const control::BulkView& view);

// Texts, because values and rows are passed on as they were written.
std::string to_text(const control::StateView& view);
std::string to_text(const control::ConflictView& view);  // with its rows
std::string to_text(const control::ConflictDetail& detail);

// {"NAME": [ … ]}
template <typename View>
json::Json list_of(std::string_view name, const std::vector<View>& views) {
  json::Json rows = json::Json::array();
  for (const View& view : views) rows.push_back(to_json(view));
  return {{name, std::move(rows)}};
}

Response answer(int status, const json::Json& document);

}  // namespace syncnode::http
