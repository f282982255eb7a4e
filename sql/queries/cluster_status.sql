-- The nodes of one cluster, as the server sees them. $1 cluster name.
-- Columns: host_id, hostname, cluster_name, status, leader_status, leader_id, last_heartbeat, is_leader, seconds since the
-- heartbeat, lease seconds left, epoch, clients, clients enabled. control::ClusterHostView.
SELECT v.host_id, v.hostname, v.cluster_name, v.status, v.leader_status, v.leader_id,
       to_char(v.last_heartbeat AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), v.is_leader, v.seconds_since_heartbeat,
       v.lease_remaining_seconds, v.epoch, v.deployments_count, v.sync_enabled_count
  FROM sync_metadata.v_cluster_health v
 WHERE v.cluster_name = $1::text
 ORDER BY v.hostname
