#include "cli/jobs_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "cli/run_report.h"
#include "cli/text.h"
#include "oneshot/followed_job.h"
#include "sync/verify_report.h"

namespace syncnode::cli {
namespace {

using control::JobTableView;
using control::JobView;

constexpr size_t kTablesShown = 20;
constexpr size_t kShortId = 8;  // enough for `jobs show` and `jobs cancel`
const Table::Cell kUnknown{"–", Style::kFaint};

Table::Cell count(const std::optional<int64_t>& value) {
  return value ? Table::Cell(count_text(*value)) : kUnknown;
}

// Bad news unless it is 0.
Table::Cell trouble(const std::optional<int64_t>& value) {
  if (!value) return kUnknown;
  return {count_text(*value), *value == 0 ? Style::kFaint : Style::kWarning};
}

Table::Cell status_of(const std::string& word) {
  if (word == "success") return {word, Style::kGood};
  if (word == "failed" || word == "fenced" || word == "starved" || word == "differs")
    return {word, Style::kBad};
  if (word == "held" || word == "conflicts") return {word, Style::kWarning};
  return {printable(word), word == "running" ? Style::kStrong : Style::kPlain};
}

Table::Cell started(const JobView& job, double now) {
  const auto at = seconds_of(job.started_at);
  return at ? Table::Cell(age_text(now - *at)) : Table::Cell("not yet", Style::kFaint);
}

Table tables_of(std::vector<JobTableView> tables) {
  std::stable_sort(tables.begin(), tables.end(), [](const auto& left, const auto& right) {
    const auto weight = [](const JobTableView& one) {
      return std::tuple(one.held.value_or(0), one.quarantined.value_or(0),
                        one.inserted.value_or(0) + one.updated.value_or(0) + one.removed.value_or(0));
    };
    return weight(left) > weight(right);
  });
  Table page({{"TABLE"},
              {"STATUS"},
              {"ROWS", Table::Align::kRight},
              {"INSERTED", Table::Align::kRight},
              {"UPDATED", Table::Align::kRight},
              {"REMOVED", Table::Align::kRight},
              {"HELD", Table::Align::kRight},
              {"QUARANTINED", Table::Align::kRight}});
  for (size_t i = 0; i < tables.size() && i < kTablesShown; ++i) {
    const auto& one = tables[i];
    page.add({printable(one.table_name), status_of(one.status), count(one.rows_total), count(one.inserted),
              count(one.updated), count(one.removed), trouble(one.held), trouble(one.quarantined)});
  }
  return page;
}

std::string more(size_t tables) {
  if (tables <= kTablesShown) return "";
  return fmt::format("… and {} more tables (--json lists all)\n", tables - kTablesShown);
}

}  // namespace

std::optional<double> seconds_of(const std::string& time) {
  std::tm parts{};
  const char* end = ::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<double>(::timegm(&parts));
}

std::string jobs_page(const std::vector<JobView>& jobs, double now, const Look& look) {
  const bool any_error =
      std::any_of(jobs.begin(), jobs.end(), [](const auto& job) { return !job.error.empty(); });
  std::vector<Table::Column> columns{{"JOB"},
                                     {"CLIENT"},
                                     {"RESULT"},
                                     {"KIND"},
                                     {"STARTED"},
                                     {"TOOK", Table::Align::kRight},
                                     {"ROWS", Table::Align::kRight}};
  if (any_error) columns.push_back({"WHY"});
  Table table(columns);
  for (const auto& job : jobs) {
    std::vector<Table::Cell> row{{job.job_id.substr(0, kShortId), Style::kFaint},
                                 printable(job.client_name),
                                 status_of(job.status),
                                 job.sync_type,
                                 started(job, now),
                                 job.seconds ? Table::Cell(seconds_text(*job.seconds)) : kUnknown,
                                 count(job.rows_synced)};
    if (any_error) row.push_back(printable(job.error));
    table.add(std::move(row));
  }
  return table.render(look);
}

std::string job_page(const JobView& job, double now, const Look& look) {
  std::string page;
  const auto line = [&](std::string_view label, const std::string& value) {
    page += fmt::format("{:>10}  {}\n", label, value);
  };
  const auto status = status_of(job.status);
  line("job", job.job_id);
  line("client", printable(job.client_name));
  line("status", painted(status.style, status.text, look));
  line("kind", fmt::format("{}, asked for by {}", job.sync_type, printable(job.triggered_by)));
  line("started",
       job.started_at.empty() ? "not yet" : fmt::format("{}, {}", job.started_at, started(job, now).text));
  if (job.seconds) line("took", seconds_text(*job.seconds));
  if (job.rows_synced) line("rows", count_text(*job.rows_synced));
  if (job.rows_held && *job.rows_held > 0) line("held", count_text(*job.rows_held));
  if (job.bytes) line("bytes", bytes_text(static_cast<uint64_t>(*job.bytes)));
  if (job.generation) line("generation", std::to_string(*job.generation));
  if (job.epoch) line("epoch", std::to_string(*job.epoch));
  if (!job.error.empty()) line("error", printable(job.error));
  if (!job.tables.empty()) page += "\n" + tables_of(job.tables).render(look) + more(job.tables.size());
  if (auto report = sync::read_verify_report(job.report))
    page += "\n" + verify_page(printable(job.client_name), *report, look);
  return page;
}

std::string sync_page(const JobView& job, const Look& look) {
  std::string page = tables_of(job.tables).render(look) + more(job.tables.size());
  if (!page.empty()) page += "\n";
  const bool held = oneshot::needs_person(job);
  std::string head = fmt::format("{}: {}", printable(job.client_name), job.sync_type);
  if (job.rows_synced) head += fmt::format(", {} rows sent", count_text(*job.rows_synced));
  if (job.tables_total) head += fmt::format(" of {} tables", *job.tables_total);
  if (job.bytes) head += fmt::format(", {}", bytes_text(static_cast<uint64_t>(*job.bytes)));
  if (job.seconds) head += fmt::format(", {}", seconds_text(*job.seconds));
  head += fmt::format(", job {}", job.job_id.substr(0, kShortId));
  page += painted(held ? Style::kWarning : Style::kGood, head, look) + "\n";
  if (job.status == "conflicts") {
    page += fmt::format("conflicts wait for a person: sync-nodectl conflicts list {}\n",
                        printable(job.client_name));
  } else if (held) {
    page += fmt::format("deletes are held until a person decides: sync-nodectl held list {}\n",
                        printable(job.client_name));
  }
  return page;
}

}  // namespace syncnode::cli
