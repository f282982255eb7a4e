// Views: what a node shows of itself and of what it keeps, as plain values. D-Bus, HTTP and the CLI render
// the same ones, so they cannot tell different stories. An unknown number is empty, never 0. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncnode::control {

struct LeadershipView {
  std::string node_id;  // "openwebui-sync-node-a"
  std::string cluster_name;
  bool is_leader = false;  // of the lease's clock at the moment of asking
  std::string leader_id;   // "" when nobody is known to lead
  int64_t epoch = 0;
  std::optional<double> lease_seconds_left;   // of the current leader's lease, as far as this node knows
  std::optional<int64_t> lease_expires_usec;  // wall clock, microseconds since 1970; for display only
};

enum class HealthWord { kHealthy, kDegraded, kUnhealthy };
std::string_view to_string(HealthWord word);  // "healthy", "degraded", "unhealthy"

struct HealthView {
  HealthWord status = HealthWord::kUnhealthy;
  std::vector<std::string> reasons;  // one sentence each; none when healthy
  LeadershipView leadership;
  std::string version;
  double uptime_seconds = 0;
  bool database_reachable = false;
  std::optional<double> database_seconds_since_contact;
  std::optional<int64_t> clients, clients_failing, clients_starved, clients_held;
  std::optional<double> worst_lag_seconds;
  std::string worst_lag_client;
  int jobs_running = 0, jobs_waiting = 0;
};

// One row of v_cluster_health of this node's cluster.
struct ClusterHostView {
  std::string host_id, hostname, cluster_name, status, leader_status, leader_id, last_heartbeat;
  bool is_leader = false;
  std::optional<double> seconds_since_heartbeat, lease_seconds_left;
  int64_t epoch = 0, deployments = 0, sync_enabled = 0;
};

struct DeploymentView {
  std::string client_name, schema_name, container_name, sqlite_path, status;
  bool sync_enabled = false;
  int64_t sync_interval = 0;                                            // seconds; 0: live
  std::string last_sync_at, last_sync_status, last_error, last_job_id;  // "" when there is none
  std::optional<double> lag_seconds;                                    // since the last sync
  // Since the leader last knew the copy to hold all of the source; nothing: this node does not lead.
  std::optional<double> checked_seconds;
  int64_t held = 0, open_conflicts = 0;
};

struct JobTableView {
  std::string table_name, status;
  std::optional<int64_t> rows_total, rows_processed, inserted, updated, removed, held, quarantined;
};

struct JobView {
  std::string job_id, client_name, status, sync_type, triggered_by, started_at, completed_at, error;
  std::optional<int64_t> tables_synced, tables_total, rows_synced, rows_held, bytes, generation, epoch;
  std::optional<double> seconds;
  std::vector<JobTableView> tables;
  std::string report;  // of a verify that compared: a JSON text (sync/verify_report.h); "" otherwise
};

struct StateView {
  std::string key;
  std::string value;    // JSON text
  bool cached = false;  // true only when this very answer came out of this node's cache
  int64_t version = 0;  // grows with every write; the ETag
  std::string updated_at;
};

struct ConflictView {
  std::string conflict_id, client_name, table_name, record_id, conflict_type, detected_at, strategy;
  std::string resolved_at, resolved_by, notes;
  std::string outcome;    // "source", "target", "merged", "value"; "" while it waits
  std::string edited_by;  // who changed the copy
  int64_t version = 0;    // grows whenever the row of a conflict that waits changes

  // The rows, JSON texts; "" in a list, and when they were not recorded.
  std::string source_data, target_data, resolved_data;
  std::string base_data;  // the row before both sides changed it; "" when it is not known
};

struct ConflictFilter {
  std::string client_name;  // "" for all
  int64_t limit = 100;      // 1 … 1000
  bool include_resolved = false;
  std::string table_name{}, conflict_type{};  // "" for any
};

struct RefusalView {
  std::string conflict_id, detail;
};

// What came of deciding about many conflicts alike.
struct BulkView {
  int64_t resolved = 0, refused = 0;
  int64_t left = 0;                   // they still wait, and may be asked for again
  std::string left_because;           // "" when none is left
  std::vector<RefusalView> refusals;  // the first of them
};

}  // namespace syncnode::control
