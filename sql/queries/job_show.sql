-- One job. $1 job. Columns: job id, client name, status, sync type, triggered by, started_at (NULL: never began),
-- completed_at, error, tables synced, tables in all, rows synced, rows held, bytes, generation, epoch, seconds, queued_at, report of a
-- verify (JSON). No row: no such job of this login. control::JobView.
SELECT j.job_id, j.client_name, j.status, j.sync_type, j.triggered_by,
       CASE WHEN j.status <> 'pending' AND (j.status <> 'cancelled' OR j.duration_seconds IS NOT NULL)
            THEN to_char(j.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') END,
       to_char(j.completed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       j.error_message, j.tables_synced, j.tables_total, j.rows_synced, j.rows_held, j.bytes_transferred, j.generation, j.epoch,
       j.duration_seconds, to_char(j.queued_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), j.report
  FROM sync_metadata.sync_jobs j
 WHERE j.job_id = $1::uuid
