-- The last jobs, newest first. $1 client name (NULL: all of this login), $2 how many. Columns: as job_show.sql, but no report.
-- control::JobView.
SELECT j.job_id, j.client_name, j.status, j.sync_type, j.triggered_by,
       CASE WHEN j.status <> 'pending' AND (j.status <> 'cancelled' OR j.duration_seconds IS NOT NULL)
            THEN to_char(j.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END,
       to_char(j.completed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       j.error_message, j.tables_synced, j.tables_total, j.rows_synced, j.rows_held, j.bytes_transferred, j.generation, j.epoch,
       j.duration_seconds, to_char(j.queued_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
  FROM sync_metadata.sync_jobs j
  JOIN sync_metadata.client_deployments d ON d.deployment_id = j.deployment_id
 WHERE $1::text IS NULL OR d.client_name = $1::text
 ORDER BY j.queued_at DESC, j.job_id
 LIMIT $2::bigint
