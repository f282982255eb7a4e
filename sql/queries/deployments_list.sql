-- The clients of one cluster with what is known of their copies. $1 cluster name.
-- Columns: client_name, schema_name, container_name, sqlite_path, status, sync_enabled, sync_interval in seconds, last_sync_at,
-- last_sync_status, error of the last job, last job id, seconds since the last sync (NULL: never), held changes, open
-- conflicts, jobs waiting. control::DeploymentView.
SELECT d.client_name, d.schema_name, d.container_name, d.sqlite_path, d.status, d.sync_enabled, d.sync_interval,
       to_char(v.last_sync_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), v.last_sync_status, v.last_job_error,
       v.last_job_id, v.lag_seconds, v.held_count, v.open_conflicts, v.jobs_pending
  FROM sync_metadata.client_deployments d
  JOIN sync_metadata.v_sync_status v ON v.deployment_id = d.deployment_id
 WHERE d.cluster_name = $1::text AND d.deregistered_at IS NULL
 ORDER BY d.client_name
