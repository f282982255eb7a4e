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

std::string progress_text(const std::vector<TableProgress>& tables) {
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
  return json::to_text(rows);
}

void add_progress(postgres::Script& script, const std::string& job_id,
                  const std::vector<TableProgress>& tables) {
  if (!tables.empty())
    script.add(sql::progress_record, {Param::text(job_id), Param::text(progress_text(tables))});
}

std::string_view sync_type(JobKind kind, const RunReport& report) {
  if (kind == JobKind::kVerify) return to_string(kind);
  if (kind == JobKind::kFullSync || report.mode == "first load") return "full";
  return report.mode == "recheck" ? "recheck" : "incremental";
}

}  // namespace

Status record_progress(postgres::Pipeline& pipeline, const std::string& job_id,
                       const std::vector<TableProgress>& tables) {
  if (tables.empty()) return {};
  const std::string text = progress_text(tables);
  return pipeline.add(sql::progress_record, {Param::text(job_id), Param::text(text)}, kStatementWait);
}

std::string_view word_of(const RunReport& report) {
  if (report.held()) return "held";
  return report.conflicts_waiting > 0 ? "conflicts" : "success";
}

void JobJournal::ask(postgres::Script& script, const RunOptions& options, const Term& term, JobKind kind) {
  const std::string epoch = std::to_string(term.epoch);
  if (!options.job_id.empty()) {
    script.add(sql::job_begin, {Param::text(options.job_id), Param::text(epoch)});
  } else {
    script.add(sql::job_start, {Param::text(options.client_name), Param::text(options.triggered_by),
                                Param::text(to_string(kind)), Param::text(epoch)});
  }
}

Result<JobJournal> JobJournal::begun(const postgres::Rows& rows, postgres::Connection& connection,
                                     const RunOptions& options, JobKind kind, std::string deployment) {
  if (rows.count() == 0) {
    return Error{ErrorCode::kCancelled, "job " + options.job_id + " does not wait any more",
                 "it was cancelled"};
  }
  std::string job = options.job_id.empty() ? std::string(rows.text(0, 0)) : options.job_id;
  return JobJournal(connection, std::move(deployment), std::move(job), kind);
}

Status JobJournal::running(const std::vector<TableOutcome>& tables) {
  postgres::Script script;
  std::vector<TableProgress> progress;
  for (const auto& table : tables) progress.push_back({table, 0, "running"});
  add_progress(script, job_id_, progress);
  return say(script);
}

postgres::Script JobJournal::closing(const RunReport& report) const {
  postgres::Script script;
  std::vector<TableProgress> progress;
  for (const auto& table : report.tables) {
    progress.push_back(
        {table, table.inserted + table.updated + table.removed, table.waiting ? "held" : "success"});
  }
  add_progress(script, job_id_, progress);
  if (kind_ != JobKind::kVerify) add_finish(script, word_of(report), report, "");
  add_synced(script, word_of(report), true);
  return script;
}

Status JobJournal::end(std::string_view status, bool current, const RunReport& report,
                       const std::string& error) {
  postgres::Script script;
  add_finish(script, status, report, error);
  add_synced(script, status, current);
  return say(script);
}

Status JobJournal::finish(std::string_view status, const RunReport& report, const std::string& error) {
  postgres::Script script;
  add_finish(script, status, report, error);
  return say(script);
}

Status JobJournal::synced(std::string_view status, bool current) {
  postgres::Script script;
  add_synced(script, status, current);
  return say(script);
}

Status JobJournal::keep_report(const std::string& report) {
  SN_ASSIGN(auto kept, connection_->query(sql::job_report, {Param::text(job_id_), Param::text(report)},
                                          deadline_in(kStatementWait)));
  return {};
}

Status JobJournal::say(const postgres::Script& script) {
  if (script.count() == 0) return {};
  SN_ASSIGN(auto said, connection_->simple(script.text(), deadline_in(kStatementWait)));
  return {};
}

// Who lost the term has nothing to say of the client: that is for who leads now.
void JobJournal::add_synced(postgres::Script& script, std::string_view status, bool current) const {
  if (status == status_word(ErrorCode::kFenced)) return;
  script.add(sql::client_synced,
             {Param::text(deployment_), Param::text(status), Param::text(current ? "true" : "false")});
}

void JobJournal::add_finish(postgres::Script& script, std::string_view status, const RunReport& report,
                            const std::string& error) const {
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
  script.add(sql::job_finish,
             {Param::text(job_id_), Param::text(status), Param::text(tables), Param::text(all_tables),
              Param::text(rows), Param::text(held), Param::text(quarantined), Param::text(bytes),
              Param::text(error), Param::text(generation), Param::text(sync_type(kind_, report)),
              Param::text(detected), Param::text(resolved)});
}

}  // namespace syncnode::sync
