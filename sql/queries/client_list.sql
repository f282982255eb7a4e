-- The caller's clients with the state of their last run, one JSON document each, what needs attention first.
-- $1 client name, NULL for all; $2 whether deregistered ones too. Column: the document (docs/sync-nodectl.schema.json, "client").
-- Called by `sync-nodectl client list` and `client show` (cli/command_client_list.cpp).
SELECT json_build_object(
         'client_name', d.client_name,
         'cluster_name', d.cluster_name,
         'schema_name', d.schema_name,
         'container_name', d.container_name,
         'sqlite_path', d.sqlite_path,
         'status', d.status,
         'sync_enabled', d.sync_enabled,
         'sync_interval_seconds', d.sync_interval,
         'last_sync_at', to_char(d.last_sync_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         'last_sync_age_seconds', v.lag_seconds,
         'last_sync_status', d.last_sync_status,
         'last_job_status', v.last_job_status,
         'last_job_error', v.last_job_error,
         'values_quarantined', v.values_quarantined,
         'held_count', v.held_count,
         'rows_held', v.rows_held,
         'open_conflicts', v.open_conflicts,
         'created_at', to_char(d.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         'deregistered_at', to_char(d.deregistered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))::text
  FROM sync_metadata.client_deployments d
  JOIN sync_metadata.v_sync_status v ON v.deployment_id = d.deployment_id
 WHERE ($1::text IS NULL OR d.client_name = $1::text) AND ($2::boolean OR d.deregistered_at IS NULL)
 ORDER BY d.deregistered_at NULLS FIRST,
          CASE WHEN v.last_job_status IN ('failed', 'fenced', 'starved') THEN 0
               WHEN v.held_count > 0 OR v.open_conflicts > 0 THEN 1
               WHEN d.last_sync_at IS NULL THEN 2
               ELSE 3 END,
          d.last_sync_at NULLS FIRST, d.client_name
