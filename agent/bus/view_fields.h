// View fields: the names under which the members of a view and the options of a call travel in an a{sv}. One
// list for writing and reading (values.cpp). Any thread.
#pragma once

#include "bus/values.h"

namespace syncnode::bus {

// V is the view or a const of it; F is called with the name and the member of each field.
template <typename View>
struct Fields;

template <>
struct Fields<control::LeadershipView> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("node_id", v.node_id);
    f("cluster_name", v.cluster_name);
    f("is_leader", v.is_leader);
    f("leader_id", v.leader_id);
    f("epoch", v.epoch);
    f("lease_seconds_left", v.lease_seconds_left);
    f("lease_expires_usec", v.lease_expires_usec);
  }
};

template <>
struct Fields<control::HealthView> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("status", v.status);
    f("reasons", v.reasons);
    f("leadership", v.leadership);
    f("version", v.version);
    f("uptime_seconds", v.uptime_seconds);
    f("database_reachable", v.database_reachable);
    f("database_seconds_since_contact", v.database_seconds_since_contact);
    f("clients", v.clients);
    f("clients_failing", v.clients_failing);
    f("clients_starved", v.clients_starved);
    f("clients_held", v.clients_held);
    f("worst_lag_seconds", v.worst_lag_seconds);
    f("worst_lag_client", v.worst_lag_client);
    f("jobs_running", v.jobs_running);
    f("jobs_waiting", v.jobs_waiting);
  }
};

template <>
struct Fields<control::ClusterHostView> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("host_id", v.host_id);
    f("hostname", v.hostname);
    f("cluster_name", v.cluster_name);
    f("status", v.status);
    f("leader_status", v.leader_status);
    f("leader_id", v.leader_id);
    f("last_heartbeat", v.last_heartbeat);
    f("is_leader", v.is_leader);
    f("seconds_since_heartbeat", v.seconds_since_heartbeat);
    f("lease_seconds_left", v.lease_seconds_left);
    f("epoch", v.epoch);
    f("deployments", v.deployments);
    f("sync_enabled", v.sync_enabled);
  }
};

template <>
struct Fields<control::DeploymentView> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("client_name", v.client_name);
    f("schema_name", v.schema_name);
    f("container_name", v.container_name);
    f("sqlite_path", v.sqlite_path);
    f("status", v.status);
    f("sync_enabled", v.sync_enabled);
    f("sync_interval", v.sync_interval);
    f("last_sync_at", v.last_sync_at);
    f("last_sync_status", v.last_sync_status);
    f("last_error", v.last_error);
    f("last_job_id", v.last_job_id);
    f("lag_seconds", v.lag_seconds);
    f("checked_seconds", v.checked_seconds);
    f("held", v.held);
    f("open_conflicts", v.open_conflicts);
  }
};

template <>
struct Fields<control::JobTableView> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("table_name", v.table_name);
    f("status", v.status);
    f("rows_total", v.rows_total);
    f("rows_processed", v.rows_processed);
    f("inserted", v.inserted);
    f("updated", v.updated);
    f("removed", v.removed);
    f("held", v.held);
    f("quarantined", v.quarantined);
  }
};

template <>
struct Fields<control::JobView> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("job_id", v.job_id);
    f("client_name", v.client_name);
    f("status", v.status);
    f("sync_type", v.sync_type);
    f("triggered_by", v.triggered_by);
    f("started_at", v.started_at);
    f("completed_at", v.completed_at);
    f("error", v.error);
    f("tables_synced", v.tables_synced);
    f("tables_total", v.tables_total);
    f("rows_synced", v.rows_synced);
    f("rows_held", v.rows_held);
    f("bytes", v.bytes);
    f("generation", v.generation);
    f("epoch", v.epoch);
    f("seconds", v.seconds);
    f("tables", v.tables);
    f("report", v.report);
  }
};

template <>
struct Fields<control::ConflictView> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("conflict_id", v.conflict_id);
    f("client_name", v.client_name);
    f("table_name", v.table_name);
    f("record_id", v.record_id);
    f("conflict_type", v.conflict_type);
    f("detected_at", v.detected_at);
    f("strategy", v.strategy);
    f("source_data", v.source_data);
    f("target_data", v.target_data);
    f("resolved_at", v.resolved_at);
    f("resolved_by", v.resolved_by);
    f("resolved_data", v.resolved_data);
    f("notes", v.notes);
    f("base_data", v.base_data);
    f("outcome", v.outcome);
    f("edited_by", v.edited_by);
    f("version", v.version);
  }
};

template <>
struct Fields<control::ConflictFilter> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("client_name", v.client_name);
    f("limit", v.limit);
    f("include_resolved", v.include_resolved);
    f("table_name", v.table_name);
    f("conflict_type", v.conflict_type);
  }
};

template <>
struct Fields<conflict::Difference> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("path", v.path);
    f("base", v.base);
    f("source", v.source);
    f("target", v.target);
    f("source_changed", v.source_changed);
    f("target_changed", v.target_changed);
  }
};

// The conflict's own keys, and one more.
template <>
struct Fields<control::ConflictDetail> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    Fields<control::ConflictView>::visit(f, v.view);
    f("differences", v.differences);
  }
};

template <>
struct Fields<control::RefusalView> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("conflict_id", v.conflict_id);
    f("detail", v.detail);
  }
};

template <>
struct Fields<control::BulkView> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("resolved", v.resolved);
    f("refused", v.refused);
    f("left", v.left);
    f("left_because", v.left_because);
    f("refusals", v.refusals);
  }
};

template <>
struct Fields<TriggerOptions> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("full", v.full);
    f("verify", v.verify);
  }
};

template <>
struct Fields<ResolveOptions> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("value", v.value);
    f("version", v.version);
  }
};

template <>
struct Fields<ResolveAllFilter> {
  template <typename F, typename V>
  static void visit(F& f, V& v) {
    f("client_name", v.client_name);
    f("table_name", v.table_name);
    f("conflict_type", v.conflict_type);
  }
};

}  // namespace syncnode::bus
