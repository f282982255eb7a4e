#include "cli/run_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "cli/text.h"
#include "sync/verify_report.h"

namespace syncnode::cli {
namespace {

constexpr size_t kTablesShown = 20;       // one screen
constexpr size_t kDifferencesShown = 10;  // of one table; the document has up to 100

Table::Cell trouble(int64_t count) {
  return {count_text(count), count == 0 ? Style::kFaint : Style::kWarning};
}

// A vanished table without rows waits too.
Table::Cell held_cell(const sync::TableOutcome& table) {
  return {count_text(table.held), table.waiting ? Style::kWarning : Style::kFaint};
}

std::string skipped_line(const std::vector<SkippedTable>& skipped) {
  if (skipped.empty()) return "";
  std::string line = fmt::format("not copied: ");
  for (size_t i = 0; i < skipped.size() && i < 5; ++i) {
    line += fmt::format("{}{} ({})", i == 0 ? "" : ", ", printable(skipped[i].name),
                        printable(skipped[i].reason));
  }
  if (skipped.size() > 5) line += fmt::format(" and {} more", skipped.size() - 5);
  return line + "\n";
}

std::string more_line(size_t count, std::string_view what) {
  if (count <= kTablesShown) return "";
  return fmt::format("… and {} more {} (--json lists all)\n", count - kTablesShown, what);
}

}  // namespace

std::string sync_page(const std::string& client, const sync::RunReport& report, const Look& look) {
  auto tables = report.tables;
  std::stable_sort(tables.begin(), tables.end(), [](const auto& left, const auto& right) {
    auto weight = [](const sync::TableOutcome& one) {
      return std::tuple(one.waiting, one.held, one.quarantined, one.inserted + one.updated + one.removed);
    };
    return weight(left) > weight(right);
  });
  Table table({{"TABLE"},
               {"ROWS", Table::Align::kRight},
               {"INSERTED", Table::Align::kRight},
               {"UPDATED", Table::Align::kRight},
               {"REMOVED", Table::Align::kRight},
               {"HELD", Table::Align::kRight},
               {"QUARANTINED", Table::Align::kRight}});
  for (size_t i = 0; i < tables.size() && i < kTablesShown; ++i) {
    const auto& one = tables[i];
    table.add({printable(one.name), count_text(one.rows), count_text(one.inserted), count_text(one.updated),
               count_text(one.removed), held_cell(one), trouble(one.quarantined)});
  }
  std::string page = table.render(look) + more_line(tables.size(), "tables");
  if (!table.empty()) page += "\n";
  page += skipped_line(report.skipped);
  std::string head = fmt::format("{}: {}, {} rows in {} tables, {} sent, {}", client, report.mode,
                                 count_text(report.rows_total), count_text(report.tables_total),
                                 bytes_text(report.bytes_sent), seconds_text(report.seconds));
  page += painted(report.waits() ? Style::kWarning : Style::kGood, head, look) + "\n";
  if (report.held()) {
    page += fmt::format("deletes are held until a person decides: sync-nodectl held list {}\n", client);
  }
  if (report.conflicts.detected > 0 || report.conflicts_waiting > 0) {
    page += fmt::format("conflicts: {} found, {} resolved by policy, {} wait for a person{}\n",
                        count_text(report.conflicts.detected), count_text(report.conflicts.resolutions()),
                        count_text(report.conflicts_waiting),
                        report.conflicts_waiting > 0 ? ": sync-nodectl conflicts list " + client : "");
  }
  return page;
}

json::Json sync_document(const std::string& client, const sync::RunReport& report) {
  json::Json document;
  document["version"] = 1;
  document["client_name"] = client;
  document["job_id"] = report.job_id;
  document["mode"] = report.mode;
  document["held"] = report.held();
  document["conflicts_detected"] = report.conflicts.detected;
  document["conflicts_resolved"] = report.conflicts.resolutions();
  document["conflicts_waiting"] = report.conflicts_waiting;
  document["generation"] = report.generation;
  document["epoch"] = report.epoch;
  document["duration_seconds"] = report.seconds;
  document["tables_total"] = report.tables_total;
  document["rows_total"] = report.rows_total;
  document["bytes_sent"] = report.bytes_sent;
  document["bytes_received"] = report.bytes_received;
  document["tables"] = json::Json::array();
  for (const auto& one : report.tables) {
    document["tables"].push_back({{"name", one.name},
                                  {"rows", one.rows},
                                  {"rows_inserted", one.inserted},
                                  {"rows_updated", one.updated},
                                  {"rows_removed", one.removed},
                                  {"rows_held", one.held},
                                  {"waiting", one.waiting},
                                  {"values_quarantined", one.quarantined}});
  }
  document["skipped"] = sync::skipped_list(report.skipped);
  return document;
}

std::string verify_page(const std::string& client, const sync::VerifyReport& report, const Look& look) {
  auto tables = report.tables;
  std::stable_sort(tables.begin(), tables.end(), [](const auto& left, const auto& right) {
    auto weight = [](const sync::TableVerdict& one) {
      return std::tuple(!one.equal(), one.differing_total, one.held, one.kept, one.quarantined,
                        one.source_rows);
    };
    return weight(left) > weight(right);
  });
  size_t unequal = 0;
  int64_t rows = 0;
  std::string differences;
  Table table({{"TABLE"},
               {"VERDICT"},
               {"SOURCE ROWS", Table::Align::kRight},
               {"COPY ROWS", Table::Align::kRight},
               {"CONTENT"},
               {"HELD", Table::Align::kRight},
               {"KEPT", Table::Align::kRight},
               {"EDITED", Table::Align::kRight},
               {"QUARANTINED", Table::Align::kRight}});
  for (size_t i = 0; i < tables.size(); ++i) {
    const auto& one = tables[i];
    rows += one.source_rows;
    if (!one.equal()) {
      ++unequal;
      differences +=
          fmt::format("{}: {} rows differ\n", printable(one.name), count_text(one.differing_total));
      for (size_t at = 0; at < one.differing.size() && at < kDifferencesShown; ++at) {
        differences += fmt::format("  {}\n", printable(one.differing[at]));
      }
    }
    if (i >= kTablesShown && one.equal()) continue;
    table.add({printable(one.name),
               one.equal() ? Table::Cell("equal", Style::kGood) : Table::Cell("DIFFERS", Style::kBad),
               count_text(one.source_rows),
               count_text(one.copy_rows),
               {one.source_hash.substr(0, 12), Style::kFaint},
               trouble(one.held),
               trouble(one.kept),
               trouble(one.edited),
               trouble(one.quarantined)});
  }
  std::string page = table.render(look) + more_line(tables.size(), "tables") + "\n" + differences;
  page += skipped_line(report.skipped);
  std::string head = report.equal()
                         ? fmt::format("{}: the copy is equal to the source", client)
                         : fmt::format("{}: the copy DIFFERS from the source in {} tables", client, unequal);
  head += fmt::format(" at generation {}, {} rows in {} tables, {}", report.generation, count_text(rows),
                      tables.size(), seconds_text(report.seconds));
  return page + painted(report.equal() ? Style::kGood : Style::kBad, head, look) + "\n";
}

json::Json verify_document(const std::string& client, const sync::VerifyReport& report) {
  json::Json document;
  document["version"] = 1;
  document["client_name"] = client;
  document.update(sync::to_json(report));
  return document;
}

}  // namespace syncnode::cli
