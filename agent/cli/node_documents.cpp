#include "cli/node_documents.h"

#include "json/known.h"
#include "oneshot/followed_job.h"

namespace syncnode::cli {
namespace {

using json::Json;
using json::known;
using json::known_epoch;

Json node_document(const NodeState& node) {
  Json document;
  document["node"] = node.node;
  document["answers"] = node.health.has_value();
  document["silence"] = known(node.silence);
  document["seconds_since_seen"] = known(node.seconds_since_seen);
  const auto& health = node.health;
  const auto leads = health ? health->leadership : control::LeadershipView{};
  document["health"] = health ? Json(std::string(control::to_string(health->status))) : Json(nullptr);
  document["reasons"] = health ? Json(health->reasons) : Json::array();
  document["node_id"] = known(leads.node_id);
  document["is_leader"] = leads.is_leader;
  document["leader_id"] = known(leads.leader_id);
  document["epoch"] = known_epoch(leads.epoch);
  document["lease_seconds_left"] = known(leads.lease_seconds_left);
  document["uptime_seconds"] = health ? Json(health->uptime_seconds) : Json(nullptr);
  document["program_version"] = known(health ? health->version : "");
  document["database_reachable"] = health ? Json(health->database_reachable) : Json(nullptr);
  document["jobs_running"] = health ? Json(health->jobs_running) : Json(nullptr);
  document["jobs_waiting"] = health ? Json(health->jobs_waiting) : Json(nullptr);
  return document;
}

Json client_document(const control::DeploymentView& client) {
  Json document;
  document["client_name"] = client.client_name;
  document["state"] = std::string(to_string(state_of(client)));
  document["schema_name"] = client.schema_name;
  document["container_name"] = known(client.container_name);
  document["sqlite_path"] = known(client.sqlite_path);
  document["status"] = client.status;
  document["sync_enabled"] = client.sync_enabled;
  document["sync_interval_seconds"] = client.sync_interval;
  document["last_sync_at"] = known(client.last_sync_at);
  document["last_sync_age_seconds"] = known(client.lag_seconds);
  document["checked_age_seconds"] = known(client.checked_seconds);
  document["last_sync_status"] = known(client.last_sync_status);
  document["last_job_id"] = known(client.last_job_id);
  document["last_job_error"] = known(client.last_error);
  document["held_count"] = client.held;
  document["open_conflicts"] = client.open_conflicts;
  return document;
}

// sync_jobs does not tell a first load from a comparison that was asked for.
Json mode_of(const control::JobView& job) {
  return job.sync_type == "incremental" || job.sync_type == "recheck" ? Json(job.sync_type) : Json(nullptr);
}

}  // namespace

Json status_document(const Situation& situation) {
  Json document;
  document["version"] = 1;
  document["cluster_name"] = situation.cluster_name;
  document["health"] = std::string(control::to_string(verdict(situation)));
  document["nodes"] = Json::array();
  for (const auto& node : situation.nodes) document["nodes"].push_back(node_document(node));
  document["clients"] = situation.clients ? Json::array() : Json(nullptr);
  if (situation.clients) {
    for (const auto& client : *situation.clients) document["clients"].push_back(client_document(client));
  }
  document["jobs"] = Json::array();
  for (const auto& job : situation.jobs) document["jobs"].push_back(job_document(job));
  document["next"] = known(next_step(situation));
  return document;
}

Json leader_document(const control::LeadershipView& leadership) {
  Json document;
  document["version"] = 1;
  document["cluster_name"] = leadership.cluster_name;
  document["leader_id"] = known(leadership.leader_id);
  document["epoch"] = known_epoch(leadership.epoch);
  document["lease_seconds_left"] = known(leadership.lease_seconds_left);
  return document;
}

Json job_document(const control::JobView& job) {
  Json document;
  document["job_id"] = job.job_id;
  document["client_name"] = job.client_name;
  document["status"] = job.status;
  document["sync_type"] = job.sync_type;
  document["triggered_by"] = known(job.triggered_by);
  document["started_at"] = known(job.started_at);
  document["completed_at"] = known(job.completed_at);
  document["duration_seconds"] = known(job.seconds);
  document["tables_synced"] = known(job.tables_synced);
  document["tables_total"] = known(job.tables_total);
  document["rows_synced"] = known(job.rows_synced);
  document["rows_held"] = known(job.rows_held);
  document["bytes_transferred"] = known(job.bytes);
  document["generation"] = known(job.generation);
  document["epoch"] = known(job.epoch);
  document["error_message"] = known(job.error);
  document["tables"] = Json::array();
  for (const auto& table : job.tables) {
    document["tables"].push_back({{"name", table.table_name},
                                  {"status", table.status},
                                  {"rows", known(table.rows_total)},
                                  {"rows_processed", known(table.rows_processed)},
                                  {"rows_inserted", known(table.inserted)},
                                  {"rows_updated", known(table.updated)},
                                  {"rows_removed", known(table.removed)},
                                  {"rows_held", known(table.held)},
                                  {"values_quarantined", known(table.quarantined)}});
  }
  document["report"] = json::known_document(job.report);
  return document;
}

Json sync_document(const control::JobView& job) {
  Json document;
  document["version"] = 1;
  document["client_name"] = job.client_name;
  document["job_id"] = job.job_id;
  document["mode"] = mode_of(job);
  document["held"] = job.status == "held";
  document["conflicts_detected"] = nullptr;
  document["conflicts_resolved"] = nullptr;
  document["conflicts_waiting"] = nullptr;
  document["generation"] = known(job.generation);
  document["epoch"] = known(job.epoch);
  document["duration_seconds"] = known(job.seconds);
  document["tables_total"] = known(job.tables_total);
  document["rows_total"] = nullptr;
  document["bytes_sent"] = nullptr;
  document["bytes_received"] = nullptr;
  document["tables"] = Json::array();
  for (const auto& table : job.tables) {
    document["tables"].push_back({{"name", table.table_name},
                                  {"rows", known(table.rows_total)},
                                  {"rows_inserted", known(table.inserted)},
                                  {"rows_updated", known(table.updated)},
                                  {"rows_removed", known(table.removed)},
                                  {"rows_held", known(table.held)},
                                  {"waiting", table.held.value_or(0) > 0},
                                  {"values_quarantined", known(table.quarantined)}});
  }
  document["skipped"] = nullptr;
  return document;
}

}  // namespace syncnode::cli
