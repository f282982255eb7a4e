#include "http/render.h"

#include <fmt/format.h>

#include "json/known.h"

namespace syncnode::http {
namespace {

using json::Json;
using json::known;
using json::known_document;
using json::known_epoch;

// "openwebui-sync-node-a" → "node-a"
Json role_of(std::string_view node_id) {
  constexpr std::string_view kPrefix = "openwebui-sync-";
  if (node_id.starts_with(kPrefix)) node_id.remove_prefix(kPrefix.size());
  return known(std::string(node_id));
}

Json to_json(const control::JobTableView& view) {
  return {{"table_name", view.table_name},         {"status", view.status},
          {"rows_total", known(view.rows_total)},  {"rows_processed", known(view.rows_processed)},
          {"inserted", known(view.inserted)},      {"updated", known(view.updated)},
          {"removed", known(view.removed)},        {"held", known(view.held)},
          {"quarantined", known(view.quarantined)}};
}

std::string_view or_null(std::string_view json_text) {
  return json_text.empty() ? "null" : json_text;
}

}  // namespace

Json to_json(const control::HealthView& view) {
  const control::LeadershipView& lead = view.leadership;
  return {{"status", to_string(view.status)},
          {"is_leader", lead.is_leader},
          {"node_id", lead.node_id},
          {"role", role_of(lead.node_id)},
          {"cluster_name", lead.cluster_name},
          {"uptime_seconds", view.uptime_seconds},
          {"leader_id", known(lead.leader_id)},
          {"version", view.version},
          {"epoch", known_epoch(lead.epoch)},
          {"lease_seconds_left", known(lead.lease_seconds_left)},
          {"reasons", view.reasons},
          {"database",
           {{"reachable", view.database_reachable},
            {"seconds_since_contact", known(view.database_seconds_since_contact)}}},
          {"clients",
           {{"total", known(view.clients)},
            {"failing", known(view.clients_failing)},
            {"starved", known(view.clients_starved)},
            {"held", known(view.clients_held)}}},
          {"worst_lag",
           {{"client_name", known(view.worst_lag_client)}, {"seconds", known(view.worst_lag_seconds)}}},
          {"jobs", {{"running", view.jobs_running}, {"waiting", view.jobs_waiting}}}};
}

Json to_json(const control::ClusterHostView& view) {
  return {{"host_id", view.host_id},
          {"hostname", view.hostname},
          {"cluster_name", view.cluster_name},
          {"status", view.status},
          {"leader_status", known(view.leader_status)},
          {"leader_id", known(view.leader_id)},
          {"is_leader", view.is_leader},
          {"last_heartbeat", known(view.last_heartbeat)},
          {"seconds_since_heartbeat", known(view.seconds_since_heartbeat)},
          {"lease_seconds_left", known(view.lease_seconds_left)},
          {"epoch", known_epoch(view.epoch)},
          {"deployments", view.deployments},
          {"sync_enabled", view.sync_enabled}};
}

Json to_json(const control::DeploymentView& view) {
  return {{"client_name", view.client_name},
          {"schema_name", view.schema_name},
          {"container_name", known(view.container_name)},
          {"sqlite_path", known(view.sqlite_path)},
          {"status", view.status},
          {"sync_enabled", view.sync_enabled},
          {"sync_interval", view.sync_interval},
          {"last_sync_at", known(view.last_sync_at)},
          {"last_sync_status", known(view.last_sync_status)},
          {"last_error", known(view.last_error)},
          {"last_job_id", known(view.last_job_id)},
          {"lag_seconds", known(view.lag_seconds)},
          {"checked_seconds", known(view.checked_seconds)},
          {"held", view.held},
          {"open_conflicts", view.open_conflicts}};
}

Json to_json(const control::JobView& view) {
  Json tables = Json::array();
  for (const auto& table : view.tables) tables.push_back(to_json(table));
  return {{"job_id", view.job_id},
          {"client_name", view.client_name},
          {"status", view.status},
          {"sync_type", view.sync_type},
          {"triggered_by", known(view.triggered_by)},
          {"started_at", known(view.started_at)},
          {"completed_at", known(view.completed_at)},
          {"error", known(view.error)},
          {"tables_synced", known(view.tables_synced)},
          {"tables_total", known(view.tables_total)},
          {"rows_synced", known(view.rows_synced)},
          {"rows_held", known(view.rows_held)},
          {"bytes", known(view.bytes)},
          {"generation", known(view.generation)},
          {"epoch", known(view.epoch)},
          {"seconds", known(view.seconds)},
          {"tables", std::move(tables)},
          {"report", known_document(view.report)}};
}

Json to_json(const control::ConflictView& view) {
  return {{"conflict_id", view.conflict_id},
          {"client_name", view.client_name},
          {"table_name", view.table_name},
          {"record_id", view.record_id},
          {"conflict_type", view.conflict_type},
          {"detected_at", view.detected_at},
          {"strategy", known(view.strategy)},
          {"resolved_at", known(view.resolved_at)},
          {"resolved_by", known(view.resolved_by)},
          {"notes", known(view.notes)},
          {"outcome", known(view.outcome)},
          {"edited_by", known(view.edited_by)},
          {"version", view.version}};
}

Json to_json(const control::BulkView& view) {
  Json refusals = Json::array();
  for (const auto& one : view.refusals)
    refusals.push_back({{"conflict_id", one.conflict_id}, {"detail", one.detail}});
  return {{"resolved", view.resolved},
          {"refused", view.refused},
          {"left", view.left},
          {"left_because", known(view.left_because)},
          {"refusals", std::move(refusals)}};
}

std::string to_text(const control::StateView& view) {
  return fmt::format(R"({{"key":{},"value":{},"cached":{},"version":{},"updated_at":{}}})",
                     json::to_text(view.key), or_null(view.value), view.cached, view.version,
                     json::to_text(known(view.updated_at)));
}

std::string to_text(const control::ConflictView& view) {
  std::string text = json::to_text(to_json(view));
  text.pop_back();  // the brace, to add the rows as they were recorded
  fmt::format_to(std::back_inserter(text),
                 R"(,"base_data":{},"source_data":{},"target_data":{},"resolved_data":{}}})",
                 or_null(view.base_data), or_null(view.source_data), or_null(view.target_data),
                 or_null(view.resolved_data));
  return text;
}

std::string to_text(const control::ConflictDetail& detail) {
  std::string text = to_text(detail.view);
  text.pop_back();
  return text + R"(,"differences":)" + json::to_text(control::differences_document(detail)) + "}";
}

Response answer(int status, const Json& document) {
  Response response;
  response.status = status;
  response.body = json::to_text(document);
  return response;
}

}  // namespace syncnode::http
