#include "sync/verify_report.h"

#include <fmt/format.h>

namespace syncnode::sync {
namespace {

using json::Json;

constexpr size_t kMostBytes = 4 << 20;  // sync_jobs_report_check

Json verdict(const TableVerdict& table) {
  return {{"name", table.name},
          {"equal", table.equal()},
          {"source_rows", table.source_rows},
          {"copy_rows", table.copy_rows},
          {"source_hash", table.source_hash},
          {"copy_hash", table.copy_hash},
          {"values_quarantined", table.quarantined},
          {"rows_held", table.held},
          {"rows_kept", table.kept},
          {"rows_edited", table.edited},
          {"rows_target_kept", table.target_kept},
          {"rows_merged", table.merged},
          {"rows_waiting", table.waiting},
          {"rows_differing", table.differing_total},
          {"differing", table.differing}};
}

// Members of a list that must be there; what is no such list throws, and is read as corruption.
VerifyReport read(const Json& document) {
  VerifyReport report;
  document.at("generation").get_to(report.generation);
  document.at("duration_seconds").get_to(report.seconds);
  for (const Json& row : document.at("tables")) {
    TableVerdict table;
    row.at("name").get_to(table.name);
    row.at("source_rows").get_to(table.source_rows);
    row.at("copy_rows").get_to(table.copy_rows);
    row.at("source_hash").get_to(table.source_hash);
    row.at("copy_hash").get_to(table.copy_hash);
    row.at("values_quarantined").get_to(table.quarantined);
    row.at("rows_held").get_to(table.held);
    row.at("rows_kept").get_to(table.kept);
    table.edited = row.value("rows_edited", int64_t{0});  // not in reports of earlier versions
    table.target_kept = row.value("rows_target_kept", int64_t{0});
    table.merged = row.value("rows_merged", int64_t{0});
    table.waiting = row.value("rows_waiting", int64_t{0});
    row.at("rows_differing").get_to(table.differing_total);
    row.at("differing").get_to(table.differing);
    report.tables.push_back(std::move(table));
  }
  for (const Json& row : document.at("skipped")) {
    report.skipped.push_back({row.at("name").get<std::string>(), row.at("reason").get<std::string>()});
  }
  return report;
}

}  // namespace

Json skipped_list(const std::vector<SkippedTable>& skipped) {
  Json list = Json::array();
  for (const auto& one : skipped) list.push_back({{"name", one.name}, {"reason", one.reason}});
  return list;
}

Json to_json(const VerifyReport& report) {
  Json document;
  document["equal"] = report.equal();
  document["generation"] = report.generation;
  document["duration_seconds"] = report.seconds;
  document["tables"] = Json::array();
  for (const auto& table : report.tables) document["tables"].push_back(verdict(table));
  document["skipped"] = skipped_list(report.skipped);
  return document;
}

Result<VerifyReport> read_verify_report(const std::string& text) {
  auto document = json::parse(text);
  if (!document) return Error{ErrorCode::kCorruption, document.error().message, ""};
  try {
    return read(*document);
  } catch (const Json::exception& error) {
    return Error{ErrorCode::kCorruption, fmt::format("that is no report of a verify: {}", error.what()), ""};
  }
}

Result<std::string> report_text(const VerifyReport& report) {
  std::string text = json::to_text(to_json(report));
  if (text.size() <= kMostBytes) return text;
  return Error{ErrorCode::kResourceExhausted,
               fmt::format("the report on {} tables has {} bytes, more than the {} a job keeps",
                           report.tables.size(), text.size(), kMostBytes),
               "stop the nodes and verify without them: that report goes to the terminal alone"};
}

Error difference(const std::string& client, const VerifyReport& report) {
  size_t unequal = 0;
  int64_t rows = 0;
  for (const auto& table : report.tables) {
    if (!table.equal()) ++unequal;
    rows += table.differing_total;
  }
  return {ErrorCode::kCorruption,
          fmt::format("the copy differs from the source: {} rows in {} of {} tables", rows, unequal,
                      report.tables.size()),
          fmt::format("sync-nodectl sync {} --full ships what differs", client)};
}

}  // namespace syncnode::sync
