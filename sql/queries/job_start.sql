-- A job begins that was not asked for. Jobs of this client that still say they run end: their process is gone, since one job
-- of a client runs at a time and this one holds the lease. Those that wait stay in the queue.
-- $1 client name, $2 triggered by, $3 sync type, $4 epoch. Column: job id. No row: no such client (sync/job_journal.cpp).
WITH job AS (
  INSERT INTO sync_metadata.sync_jobs (deployment_id, client_name, triggered_by, sync_type, epoch)
  SELECT d.deployment_id, '', $2::text, $3::text, $4::bigint
    FROM sync_metadata.client_deployments d
   WHERE d.client_name = $1::text AND d.deregistered_at IS NULL
  RETURNING job_id, deployment_id
), older AS (
  UPDATE sync_metadata.sync_jobs o
     SET status = 'failed', error_message = 'the process that ran this job ended without a word'
    FROM job j
   WHERE o.deployment_id = j.deployment_id AND o.status = 'running'
)
SELECT j.job_id FROM job j
