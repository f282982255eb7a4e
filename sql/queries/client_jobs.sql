-- The last jobs of one client, newest first, one JSON document each.
-- $1 client name, $2 how many. Column: the document (docs/sync-nodectl.schema.json, "job").
-- Called by `sync-nodectl client show` (cli/command_client_show.cpp).
SELECT json_build_object(
         'job_id', j.job_id,
         'status', j.status,
         'sync_type', j.sync_type,
         'triggered_by', j.triggered_by,
         'started_at', to_char(j.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         'started_age_seconds', extract(epoch FROM statement_timestamp() - j.started_at)::double precision,
         'completed_at', to_char(j.completed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         'duration_seconds', j.duration_seconds,
         'rows_synced', j.rows_synced,
         'rows_held', j.rows_held,
         'values_quarantined', j.values_quarantined,
         'bytes_transferred', j.bytes_transferred,
         'generation', j.generation,
         'epoch', j.epoch,
         'error_message', j.error_message)::text
  FROM sync_metadata.sync_jobs j
  JOIN sync_metadata.client_deployments d ON d.deployment_id = j.deployment_id
 WHERE d.client_name = $1::text
 ORDER BY j.started_at DESC
 LIMIT $2::int
