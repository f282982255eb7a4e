-- Jobs that wait to be begun, the oldest first: what a new leader adopts. $1 cluster name.
-- Columns: job id, client name, sync type, triggered by, seconds since it was asked for. Called by the scheduler.
SELECT j.job_id, d.client_name, j.sync_type, j.triggered_by,
       extract(epoch FROM statement_timestamp() - j.queued_at)::double precision
  FROM sync_metadata.sync_jobs j
  JOIN sync_metadata.client_deployments d ON d.deployment_id = j.deployment_id
 WHERE d.cluster_name = $1::text AND j.status = 'pending'
 ORDER BY j.queued_at, j.job_id
