#include "cli/conflicts_page.h"

#include <fmt/format.h>

#include "cli/text.h"
#include "json/known.h"

namespace syncnode::cli {
namespace {

using control::ConflictView;

constexpr size_t kIdShown = 8;

std::string_view kind_in_words(const ConflictView& conflict) {
  if (conflict.conflict_type == "delete_conflict") return "deleted and changed";
  if (conflict.conflict_type == "constraint_violation") return "inserted twice";
  if (conflict.conflict_type == "update_conflict") return "changed on both sides";
  return conflict.conflict_type;
}

Table::Cell state_cell(const ConflictView& conflict) {
  if (conflict.resolved_at.empty()) return {"waits", Style::kWarning};
  return {conflict.outcome.empty() ? "resolved" : conflict.outcome, Style::kGood};
}

std::string line(std::string_view name, const std::string& value) {
  return value.empty() ? "" : fmt::format("{:<10} {}\n", name, printable(value));
}

// The differences are lines already; what is in them may be anything.
std::string printable_lines(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out += printable(std::string_view(text).substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return out;
}

}  // namespace

std::string conflicts_page(const std::vector<ConflictView>& conflicts, const Look& look) {
  Table table({{"ID"}, {"CLIENT"}, {"TABLE"}, {"ROW"}, {"WHAT"}, {"STATE"}, {"STRATEGY"}, {"FOUND"}, {"BY"}});
  for (const auto& one : conflicts) {
    table.add({one.conflict_id.substr(0, kIdShown),
               printable(one.client_name),
               printable(one.table_name),
               printable(one.record_id),
               std::string(kind_in_words(one)),
               state_cell(one),
               one.strategy,
               {one.detected_at, Style::kFaint},
               printable(one.edited_by)});
  }
  return table.render(look);
}

std::string conflict_page(const control::ConflictDetail& detail, const Look& look) {
  const ConflictView& conflict = detail.view;
  const bool waits = conflict.resolved_at.empty();
  std::string page = painted(Style::kStrong,
                             fmt::format("{} {}: {}", printable(conflict.table_name),
                                         printable(conflict.record_id), kind_in_words(conflict)),
                             look) +
                     "\n\n";
  page += line("conflict", conflict.conflict_id) + line("client", conflict.client_name) +
          line("found", conflict.detected_at) + line("edited by", conflict.edited_by) +
          line("strategy", conflict.strategy) + line("notes", conflict.notes);
  if (!waits)
    page += line("resolved", conflict.resolved_at + " by " + conflict.resolved_by + ": " + conflict.outcome);
  page += "\n";
  if (control::has_rows(conflict)) {
    page += printable_lines(conflict::to_lines(detail.differences));
  } else {
    page += "the rows were not recorded (include_data_snapshot is false)\n";
  }
  if (!waits) return page;
  return page + fmt::format(
                    "\nsource: what the application has   target: what is in the copy now\n"
                    "sync-nodectl conflicts resolve source|target|merge {}\n",
                    conflict.conflict_id.substr(0, kIdShown));
}

json::Json conflict_document(const ConflictView& conflict) {
  using json::known;
  return {{"conflict_id", conflict.conflict_id},
          {"client_name", conflict.client_name},
          {"table_name", conflict.table_name},
          {"record_id", conflict.record_id},
          {"conflict_type", conflict.conflict_type},
          {"detected_at", conflict.detected_at},
          {"edited_by", known(conflict.edited_by)},
          {"strategy", known(conflict.strategy)},
          {"outcome", known(conflict.outcome)},
          {"version", conflict.version},
          {"resolved_at", known(conflict.resolved_at)},
          {"resolved_by", known(conflict.resolved_by)},
          {"notes", known(conflict.notes)}};
}

json::Json detail_document(const control::ConflictDetail& detail) {
  using json::known;
  using json::known_document;
  json::Json document = conflict_document(detail.view);
  document["base_data"] = known_document(detail.view.base_data);
  document["source_data"] = known_document(detail.view.source_data);
  document["target_data"] = known_document(detail.view.target_data);
  document["resolved_data"] = known_document(detail.view.resolved_data);
  document["differences"] = control::differences_document(detail);
  return document;
}

}  // namespace syncnode::cli
