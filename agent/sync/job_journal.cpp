#include "sync/job_journal.h"

#include "json/json.h"
#include "sql/queries.h"

namespace syncnode::sync {
namespace {

using postgres::Param;

int64_t total(const std::vector<TableOutcome>& tables, int64_t TableOutcome::*member) {
  int64_t sum = 0;
  for (const auto& table : tables) sum += table.*member;
  return sum;
}

Result<std::string> make(postgres::Connection& connection, const CopyTarget& target,
                         const RunOptions& options, JobKind kind) {
  std::string epoch = std::to_string(target.term.epoch);
  SN_ASSIGN(auto rows, connection.query(sql::job_start,
                                        {Param::text(target.deployment.id), Param::text(options.triggered_by),
                                         Param::text(to_string(kind)), Param::text(epoch)},
                                        deadline_in(kStatementWait)));
  return std::string(rows.text(0, 0));
}

Result<std::string> begin_queued(postgres::Connection& connection, const CopyTarget& target,
                                 const std::string& job_id) {
  std::string epoch = std::to_string(target.term.epoch);
  SN_ASSIGN(auto rows, connection.query(sql::job_begin, {Param::text(job_id), Param::text(epoch)},
                                        deadline_in(kStatementWait)));
  if (rows.count() > 0) return job_id;
  return Error{ErrorCode::kCancelled, "job " + job_id + " does not wait any more", "it was cancelled"};
}

}  // namespace

Status record_progress(postgres::Connection& connection, const std::string& job_id,
                       const std::vector<TableProgress>& tables) {
  if (tables.empty()) return {};
  auto rows = json::Json::array();
  for (const auto& [outcome, processed, status] : tables) {
    rows.push_back({{"table", wire_name(outcome.name)},
                    {"total", outcome.rows < 0 ? json::Json(nullptr) : json::Json(outcome.rows)},
                    {"processed", processed},
                    {"inserted", outcome.inserted},
                    {"updated", outcome.updated},
                    {"removed", outcome.removed},
                    {"held", outcome.held},
                    {"quarantined", outcome.quarantined},
                    {"status", status}});
  }
  const std::string text = json::to_text(rows);
  SN_ASSIGN(auto recorded, connection.query(sql::progress_record, {Param::text(job_id), Param::text(text)},
                                            deadline_in(kStatementWait)));
  return {};
}

Result<JobJournal> JobJournal::start(postgres::Connection& connection, const CopyTarget& target,
                                     const RunOptions& options, JobKind kind) {
  SN_ASSIGN(auto job, options.job_id.empty() ? make(connection, target, options, kind)
                                             : begin_queued(connection, target, options.job_id));
  JobJournal journal(connection, target.deployment.id, std::move(job));
  SN_ASSIGN(auto abandoned,
            connection.query(sql::job_abandon_older,
                             {Param::text(target.deployment.id), Param::text(journal.job_id_)},
                             deadline_in(kStatementWait)));
  return journal;
}

Status JobJournal::finish(std::string_view status, std::string_view sync_type, const RunReport& report,
                          const std::string& error) {
  int64_t changed = total(report.tables, &TableOutcome::inserted) +
                    total(report.tables, &TableOutcome::updated) +
                    total(report.tables, &TableOutcome::removed);
  std::string tables = std::to_string(report.tables.size());
  std::string all_tables = std::to_string(report.tables_total);
  std::string rows = std::to_string(changed);
  std::string held = std::to_string(total(report.tables, &TableOutcome::held));
  std::string quarantined = std::to_string(total(report.tables, &TableOutcome::quarantined));
  std::string bytes = std::to_string(report.bytes_sent + report.bytes_received);
  std::string generation = std::to_string(report.generation);
  std::string detected = std::to_string(report.conflicts.detected);
  std::string resolved = std::to_string(report.conflicts.resolutions());
  SN_ASSIGN(auto done, connection_->query(sql::job_finish,
                                          {Param::text(job_id_), Param::text(status), Param::text(tables),
                                           Param::text(all_tables), Param::text(rows), Param::text(held),
                                           Param::text(quarantined), Param::text(bytes), Param::text(error),
                                           Param::text(generation), Param::text(sync_type),
                                           Param::text(detected), Param::text(resolved)},
                                          deadline_in(kStatementWait)));
  return {};
}

Status JobJournal::keep_report(const std::string& report) {
  SN_ASSIGN(auto kept, connection_->query(sql::job_report, {Param::text(job_id_), Param::text(report)},
                                          deadline_in(kStatementWait)));
  return {};
}

Status JobJournal::synced(std::string_view status, bool current) {
  SN_ASSIGN(auto client, connection_->query(sql::client_synced,
                                            {Param::text(deployment_), Param::text(status),
                                             Param::text(current ? "true" : "false")},
                                            deadline_in(kStatementWait)));
  return {};
}

}  // namespace syncnode::sync
