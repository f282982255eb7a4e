#include "control/records.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "postgres/fence.h"
#include "sql/queries.h"

namespace syncnode::control {
namespace {

using postgres::Param;
using postgres::Rows;

constexpr int kReportColumn = 17;                  // of job_show.sql
constexpr int kRowColumns = 13;                    // of conflict_show.sql: where the rows begin
constexpr std::string_view kMostAtOnce = "10000";  // conflicts that one request decides about

constexpr postgres::TransactionOptions kShort{.statement_timeout = std::chrono::milliseconds(5000),
                                              .lock_timeout = std::chrono::milliseconds(2000),
                                              .idle_timeout = std::chrono::milliseconds(5000)};

// The columns of one row, read from left to right.
class Reader {
 public:
  Reader(const Rows& rows, int row) : rows_(rows), row_(row) {}
  std::string text() { return std::string(rows_.text(row_, column_++)); }
  bool boolean() { return rows_.boolean(row_, column_++); }
  int64_t number() { return rows_.int64(row_, column_++); }
  std::optional<int64_t> maybe_number() {
    if (rows_.is_null(row_, column_)) return ++column_, std::nullopt;
    return number();
  }
  std::optional<double> maybe_real() {
    const auto word = rows_.text(row_, column_++);
    double value = 0;
    const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
    return read.ec == std::errc() ? std::optional(value) : std::nullopt;
  }

 private:
  const Rows& rows_;
  const int row_;
  int column_ = 0;
};

template <typename T>
std::vector<T> read_all(const Rows& rows, T (*read)(Reader)) {
  std::vector<T> all;
  all.reserve(static_cast<size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) all.push_back(read(Reader(rows, row)));
  return all;
}

ClusterHostView cluster_host(Reader row) {
  ClusterHostView view;
  view.host_id = row.text();
  view.hostname = row.text();
  view.cluster_name = row.text();
  view.status = row.text();
  view.leader_status = row.text();
  view.leader_id = row.text();
  view.last_heartbeat = row.text();
  view.is_leader = row.boolean();
  view.seconds_since_heartbeat = row.maybe_real();
  view.lease_seconds_left = row.maybe_real();
  view.epoch = row.number();
  view.deployments = row.number();
  view.sync_enabled = row.number();
  return view;
}

DeploymentView deployment(Reader row) {
  DeploymentView view;
  view.client_name = row.text();
  view.schema_name = row.text();
  view.container_name = row.text();
  view.sqlite_path = row.text();
  view.status = row.text();
  view.sync_enabled = row.boolean();
  view.sync_interval = row.number();
  view.last_sync_at = row.text();
  view.last_sync_status = row.text();
  view.last_error = row.text();
  view.last_job_id = row.text();
  view.lag_seconds = row.maybe_real();
  view.held = row.number();
  view.open_conflicts = row.number();
  return view;
}

JobView job(Reader row) {
  JobView view;
  view.job_id = row.text();
  view.client_name = row.text();
  view.status = row.text();
  view.sync_type = row.text();
  view.triggered_by = row.text();
  view.started_at = row.text();
  view.completed_at = row.text();
  view.error = row.text();
  view.tables_synced = row.maybe_number();
  view.tables_total = row.maybe_number();
  view.rows_synced = row.maybe_number();
  view.rows_held = row.maybe_number();
  view.bytes = row.maybe_number();
  view.generation = row.maybe_number();
  view.epoch = row.maybe_number();
  view.seconds = row.maybe_real();
  return view;
}

JobTableView job_table(Reader row) {
  JobTableView view;
  view.table_name = row.text();
  view.status = row.text();
  view.rows_total = row.maybe_number();
  view.rows_processed = row.maybe_number();
  view.inserted = row.maybe_number();
  view.updated = row.maybe_number();
  view.removed = row.maybe_number();
  view.held = row.maybe_number();
  view.quarantined = row.maybe_number();
  return view;
}

ConflictView conflict(Reader row) {
  ConflictView view;
  view.conflict_id = row.text();
  view.client_name = row.text();
  view.table_name = row.text();
  view.record_id = row.text();
  view.conflict_type = row.text();
  view.detected_at = row.text();
  view.strategy = row.text();
  view.resolved_at = row.text();
  view.resolved_by = row.text();
  view.notes = row.text();
  view.outcome = row.text();
  view.edited_by = row.text();
  view.version = row.number();
  return view;
}

Param or_null(const std::string& text) {
  return text.empty() ? Param::null() : Param::text(text);
}

Param or_null(const std::optional<std::string>& text) {
  return text ? Param::text(*text) : Param::null();
}

Error no_such_client(const std::string& client) {
  return {ErrorCode::kNotFound, fmt::format("there is no client '{}' on this cluster", client),
          "sync-nodectl client list shows those there are"};
}

Error no_such_job(const std::string& job_id) {
  return {ErrorCode::kNotFound, fmt::format("there is no job {} on this cluster", job_id), ""};
}

}  // namespace

Result<std::vector<ClusterHostView>> read_cluster(postgres::Connection& connection,
                                                  const std::string& cluster, Deadline deadline) {
  SN_ASSIGN(const Rows rows, connection.query(sql::cluster_status, {Param::text(cluster)}, deadline));
  return read_all(rows, cluster_host);
}

Result<std::vector<DeploymentView>> read_deployments(postgres::Connection& connection,
                                                     const std::string& cluster, Deadline deadline) {
  SN_ASSIGN(const Rows rows, connection.query(sql::deployments_list, {Param::text(cluster)}, deadline));
  return read_all(rows, deployment);
}

Result<JobView> read_job(postgres::Connection& connection, const std::string& job_id, Deadline deadline) {
  SN_ASSIGN(const Rows rows, connection.query(sql::job_show, {Param::text(job_id)}, deadline));
  if (rows.count() == 0) return no_such_job(job_id);
  JobView view = job(Reader(rows, 0));
  view.report = std::string(rows.text(0, kReportColumn));
  SN_ASSIGN(const Rows tables, connection.query(sql::job_tables, {Param::text(job_id)}, deadline));
  view.tables = read_all(tables, job_table);
  return view;
}

Result<std::vector<JobView>> read_jobs(postgres::Connection& connection, const std::string& client,
                                       int64_t limit, Deadline deadline) {
  const std::string most = std::to_string(limit);
  SN_ASSIGN(const Rows rows,
            connection.query(sql::jobs_list, {or_null(client), Param::text(most)}, deadline));
  return read_all(rows, job);
}

Result<std::vector<ConflictView>> read_conflicts(postgres::Connection& connection,
                                                 const ConflictFilter& filter, Deadline deadline) {
  const std::string most = std::to_string(filter.limit);
  SN_ASSIGN(const Rows rows,
            connection.query(
                sql::conflicts_list,
                {or_null(filter.client_name), or_null(filter.table_name), or_null(filter.conflict_type),
                 Param::text(filter.include_resolved ? "true" : "false"), Param::text(most)},
                deadline));
  return read_all(rows, conflict);
}

Result<ConflictView> read_conflict(postgres::Connection& connection, const std::string& conflict_id,
                                   Deadline deadline) {
  SN_ASSIGN(const Rows rows, connection.query(sql::conflict_show, {Param::text(conflict_id)}, deadline));
  if (rows.count() > 1) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("several conflicts begin with '{}'", conflict_id),
                 fmt::format("for example {} and {}", rows.text(0, 0), rows.text(1, 0))};
  }
  if (rows.count() == 0) {
    return Error{ErrorCode::kNotFound, fmt::format("there is no conflict {}", conflict_id),
                 "sync-nodectl conflicts list shows those there are"};
  }
  ConflictView view = conflict(Reader(rows, 0));
  int column = kRowColumns;
  for (std::string* row : {&view.base_data, &view.source_data, &view.target_data, &view.resolved_data})
    *row = std::string(rows.text(0, column++));
  return view;
}

Result<WaitingConflicts> read_waiting(postgres::Connection& connection, const BulkResolution& wanted,
                                      Deadline deadline) {
  SN_ASSIGN(const Rows rows, connection.query(sql::conflicts_matching,
                                              {Param::text(wanted.client_name), or_null(wanted.table_name),
                                               or_null(wanted.conflict_type), Param::text(kMostAtOnce)},
                                              deadline));
  if (rows.count() == 0) return no_such_client(wanted.client_name);
  WaitingConflicts waiting;
  waiting.all = rows.int64(0, 2);
  for (int row = 0; row < rows.count(); ++row) {
    if (!rows.is_null(row, 0)) waiting.first.push_back({std::string(rows.text(row, 0)), rows.int64(row, 1)});
  }
  return waiting;
}

Result<std::string> queue_job(postgres::Connection& connection, const Term& term, const std::string& client,
                              JobKind kind, const std::string& by, Deadline deadline) {
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, kShort, deadline));
  SN_ASSIGN(const Rows rows,
            connection.query(sql::job_queue,
                             {Param::text(client), Param::text(by), Param::text(to_string(kind))}, deadline));
  if (rows.count() == 0) return no_such_client(client);
  if (rows.is_null(0, 0)) {
    return Error{ErrorCode::kFailedPrecondition, fmt::format("client '{}' is '{}'", client, rows.text(0, 1)),
                 fmt::format("sync-nodectl client show {} tells more", client)};
  }
  SN_TRY(postgres::fence(connection, term, deadline));
  SN_TRY(transaction.commit(deadline));
  return std::string(rows.text(0, 0));
}

Result<bool> cancel_waiting_job(postgres::Connection& connection, const Term& term, const std::string& job_id,
                                const std::string& by, Deadline deadline) {
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, kShort, deadline));
  SN_ASSIGN(const Rows rows,
            connection.query(sql::job_cancel, {Param::text(job_id), Param::text(by)}, deadline));
  SN_TRY(postgres::fence(connection, term, deadline));
  SN_TRY(transaction.commit(deadline));
  return rows.count() > 0;
}

Status set_client_enabled(postgres::Connection& connection, const Term& term, const std::string& client,
                          bool enabled, Deadline deadline) {
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, kShort, deadline));
  SN_ASSIGN(const Rows rows,
            connection.query(sql::client_set_enabled,
                             {Param::text(client), Param::text(enabled ? "true" : "false")}, deadline));
  if (rows.count() == 0) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no client '{}' to {}", client, enabled ? "resume" : "pause"),
                 "sync-nodectl client list shows those there are"};
  }
  SN_TRY(postgres::fence(connection, term, deadline));
  return transaction.commit(deadline);
}

}  // namespace syncnode::control
