-- 08: a verify is a job too: a sync that is followed by a comparison, whose report is kept with the job.
SET LOCAL ROLE sync_owner;

-- 'differs': the sync was done, the copy is not equal all the same. No success, and no failure to compare either.
ALTER TABLE sync_metadata.sync_jobs
  DROP CONSTRAINT sync_jobs_status_check,
  ADD CONSTRAINT sync_jobs_status_check CHECK (status IN
    ('pending', 'running', 'success', 'failed', 'held', 'conflicts', 'cancelled', 'fenced', 'starved', 'differs')),
  DROP CONSTRAINT sync_jobs_sync_type_check,
  ADD CONSTRAINT sync_jobs_sync_type_check CHECK (sync_type IN ('full', 'incremental', 'recheck', 'manual', 'verify'));

-- The verdict on every table, and keys of rows that differ: clients' data, shown by row security to whom the client is.
-- json, since a key may hold U+0000. It goes with its job (purge_history).
ALTER TABLE sync_metadata.sync_jobs
  ADD COLUMN report json,
  ADD CONSTRAINT sync_jobs_report_check CHECK (octet_length(report::text) <= 4194304),
  ADD CONSTRAINT sync_jobs_verify_check CHECK (sync_type = 'verify' OR (report IS NULL AND status <> 'differs'));
GRANT UPDATE (report) ON sync_metadata.sync_jobs TO sync_agents;

-- As in 07, but the last job is the last sync: how a verify ended says nothing about that. The sync a verify begins with
-- shows in last_sync_at and last_sync_status.
CREATE OR REPLACE VIEW sync_metadata.v_sync_status WITH (security_invoker = true) AS
SELECT d.deployment_id, d.cluster_name, d.client_name, d.schema_name, d.status, d.sync_enabled, d.sync_interval,
       d.last_sync_at, d.last_sync_status, d.next_sync_at,
       extract(epoch FROM statement_timestamp() - d.last_sync_at)::double precision AS lag_seconds,
       j.job_id AS last_job_id, j.status AS last_job_status, j.sync_type AS last_job_type,
       j.started_at AS last_job_started_at, j.completed_at AS last_job_completed_at,
       j.duration_seconds AS last_job_seconds, j.rows_synced AS last_job_rows_synced,
       j.rows_failed AS last_job_rows_failed, j.values_quarantined, j.error_message AS last_job_error,
       h.held_count, h.rows_held, c.open_conflicts, p.jobs_pending
  FROM sync_metadata.client_deployments d
  LEFT JOIN LATERAL (SELECT * FROM sync_metadata.sync_jobs j WHERE j.deployment_id = d.deployment_id
                        AND j.status <> 'pending' AND (j.status <> 'cancelled' OR j.duration_seconds IS NOT NULL)
                        AND j.sync_type <> 'verify'
                      ORDER BY j.started_at DESC LIMIT 1) j ON true
  CROSS JOIN LATERAL (SELECT count(*) AS held_count, coalesce(sum(h.rows_held), 0)::bigint AS rows_held
                        FROM sync_metadata.held_changes h
                       WHERE h.deployment_id = d.deployment_id AND h.status = 'waiting') h
  CROSS JOIN LATERAL (SELECT count(*) AS open_conflicts FROM sync_metadata.conflict_log c
                       WHERE c.deployment_id = d.deployment_id AND c.resolved_at IS NULL) c
  CROSS JOIN LATERAL (SELECT count(*) AS jobs_pending FROM sync_metadata.sync_jobs j
                       WHERE j.deployment_id = d.deployment_id AND j.status = 'pending') p;

RESET ROLE;
