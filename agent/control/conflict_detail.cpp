#include "control/conflict_detail.h"

#include <utility>

#include "json/known.h"

namespace syncnode::control {
namespace {

std::optional<json::Json> image(const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto parsed = json::parse(text);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  return *std::move(parsed);
}

}  // namespace

bool has_rows(const ConflictView& view) {
  return !view.source_data.empty() || !view.target_data.empty();
}

ConflictDetail detail_of(ConflictView view) {
  ConflictDetail detail{std::move(view), {}};
  const conflict::RowImages images{image(detail.view.base_data), image(detail.view.source_data),
                                   image(detail.view.target_data)};
  if (images.source || images.target) detail.differences = conflict::differences(images);
  return detail;
}

json::Json differences_document(const ConflictDetail& detail) {
  using json::known;
  json::Json rows = json::Json::array();
  for (const auto& one : detail.differences) {
    rows.push_back({{"path", one.path},
                    {"base", known(one.base)},
                    {"source", known(one.source)},
                    {"target", known(one.target)},
                    {"source_changed", one.source_changed},
                    {"target_changed", one.target_changed}});
  }
  return rows;
}

}  // namespace syncnode::control
