#include "http/read_views.h"

#include <fmt/format.h>

namespace syncnode::http {
namespace {

using json::Json;

const Json& member(const Json& object, std::string_view name) {
  static const Json kNothing;
  const auto found = object.find(std::string(name));
  return found == object.end() ? kNothing : *found;
}

std::string text(const Json& object, std::string_view name) {
  return json::string_member(object, name).value_or("");
}
int64_t number(const Json& object, std::string_view name) {
  return json::integer_member(object, name).value_or(0);
}
bool flag(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}
std::optional<double> real(const Json& object, std::string_view name) {
  const Json& value = member(object, name);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

// By the one member without which the document cannot be what it should.
Status expect(const Json& document, std::string_view name, std::string_view what) {
  if (document.is_object() && json::string_member(document, name)) return {};
  return Error{ErrorCode::kCorruption, fmt::format("the answer is not {}", what),
               "look whether a sync-node listens there"};
}

std::optional<control::HealthWord> health_word(std::string_view word) {
  using control::HealthWord;
  for (const HealthWord known : {HealthWord::kHealthy, HealthWord::kDegraded, HealthWord::kUnhealthy}) {
    if (control::to_string(known) == word) return known;
  }
  return std::nullopt;
}

control::JobTableView job_table(const Json& row) {
  using json::integer_member;
  control::JobTableView view;
  view.table_name = text(row, "table_name");
  view.status = text(row, "status");
  view.rows_total = integer_member(row, "rows_total");
  view.rows_processed = integer_member(row, "rows_processed");
  view.inserted = integer_member(row, "inserted");
  view.updated = integer_member(row, "updated");
  view.removed = integer_member(row, "removed");
  view.held = integer_member(row, "held");
  view.quarantined = integer_member(row, "quarantined");
  return view;
}

}  // namespace

Result<control::HealthView> read_health(const Json& document) {
  SN_TRY(expect(document, "node_id", "the health of a sync-node"));
  const auto word = health_word(text(document, "status"));
  if (!word) return Error{ErrorCode::kCorruption, "the node's health is no word of ours", ""};
  control::HealthView view;
  view.status = *word;
  if (const Json& reasons = member(document, "reasons"); reasons.is_array()) {
    for (const auto& reason : reasons) {
      if (reason.is_string()) view.reasons.push_back(reason.get<std::string>());
    }
  }
  view.leadership.node_id = text(document, "node_id");
  view.leadership.cluster_name = text(document, "cluster_name");
  view.leadership.is_leader = flag(document, "is_leader");
  view.leadership.leader_id = text(document, "leader_id");
  view.leadership.epoch = number(document, "epoch");
  view.leadership.lease_seconds_left = real(document, "lease_seconds_left");
  view.version = text(document, "version");
  view.uptime_seconds = real(document, "uptime_seconds").value_or(0);
  const Json& database = member(document, "database");
  view.database_reachable = flag(database, "reachable");
  view.database_seconds_since_contact = real(database, "seconds_since_contact");
  const Json& clients = member(document, "clients");
  view.clients = json::integer_member(clients, "total");
  view.clients_failing = json::integer_member(clients, "failing");
  view.clients_starved = json::integer_member(clients, "starved");
  view.clients_held = json::integer_member(clients, "held");
  const Json& worst = member(document, "worst_lag");
  view.worst_lag_seconds = real(worst, "seconds");
  view.worst_lag_client = text(worst, "client_name");
  const Json& jobs = member(document, "jobs");
  view.jobs_running = static_cast<int>(number(jobs, "running"));
  view.jobs_waiting = static_cast<int>(number(jobs, "waiting"));
  return view;
}

Result<control::ClusterHostView> read_cluster_host(const Json& document) {
  SN_TRY(expect(document, "hostname", "a node of a cluster"));
  control::ClusterHostView view;
  view.host_id = text(document, "host_id");
  view.hostname = text(document, "hostname");
  view.cluster_name = text(document, "cluster_name");
  view.status = text(document, "status");
  view.leader_status = text(document, "leader_status");
  view.leader_id = text(document, "leader_id");
  view.last_heartbeat = text(document, "last_heartbeat");
  view.is_leader = flag(document, "is_leader");
  view.seconds_since_heartbeat = real(document, "seconds_since_heartbeat");
  view.lease_seconds_left = real(document, "lease_seconds_left");
  view.epoch = number(document, "epoch");
  view.deployments = number(document, "deployments");
  view.sync_enabled = number(document, "sync_enabled");
  return view;
}

Result<control::DeploymentView> read_deployment(const Json& document) {
  SN_TRY(expect(document, "client_name", "a client"));
  control::DeploymentView view;
  view.client_name = text(document, "client_name");
  view.schema_name = text(document, "schema_name");
  view.container_name = text(document, "container_name");
  view.sqlite_path = text(document, "sqlite_path");
  view.status = text(document, "status");
  view.sync_enabled = flag(document, "sync_enabled");
  view.sync_interval = number(document, "sync_interval");
  view.last_sync_at = text(document, "last_sync_at");
  view.last_sync_status = text(document, "last_sync_status");
  view.last_error = text(document, "last_error");
  view.last_job_id = text(document, "last_job_id");
  view.lag_seconds = real(document, "lag_seconds");
  view.checked_seconds = real(document, "checked_seconds");
  view.held = number(document, "held");
  view.open_conflicts = number(document, "open_conflicts");
  return view;
}

Result<control::JobView> read_job(const Json& document) {
  using json::integer_member;
  SN_TRY(expect(document, "job_id", "a job"));
  control::JobView view;
  view.job_id = text(document, "job_id");
  view.client_name = text(document, "client_name");
  view.status = text(document, "status");
  view.sync_type = text(document, "sync_type");
  view.triggered_by = text(document, "triggered_by");
  view.started_at = text(document, "started_at");
  view.completed_at = text(document, "completed_at");
  view.error = text(document, "error");
  view.tables_synced = integer_member(document, "tables_synced");
  view.tables_total = integer_member(document, "tables_total");
  view.rows_synced = integer_member(document, "rows_synced");
  view.rows_held = integer_member(document, "rows_held");
  view.bytes = integer_member(document, "bytes");
  view.generation = integer_member(document, "generation");
  view.epoch = integer_member(document, "epoch");
  view.seconds = real(document, "seconds");
  if (const Json& tables = member(document, "tables"); tables.is_array()) {
    for (const auto& table : tables) view.tables.push_back(job_table(table));
  }
  if (const Json& report = member(document, "report"); report.is_object())
    view.report = json::to_text(report);
  return view;
}

}  // namespace syncnode::http
