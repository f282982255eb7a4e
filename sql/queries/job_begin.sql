-- A waiting job begins under a term; the server sets started_at. Other jobs of its client that still say they run end, as in
-- job_start. $1 job, $2 epoch.
-- Columns: client name, sync type, triggered by. No row: it waits no longer (cancelled, or begun by another), and nothing was
-- done (sync/job_journal.cpp).
WITH job AS (
  UPDATE sync_metadata.sync_jobs
     SET status = 'running', epoch = $2::bigint
   WHERE job_id = $1::uuid AND status = 'pending'
  RETURNING job_id, deployment_id, client_name, sync_type, triggered_by
), older AS (
  UPDATE sync_metadata.sync_jobs o
     SET status = 'failed', error_message = 'the process that ran this job ended without a word'
    FROM job j
   WHERE o.deployment_id = j.deployment_id AND o.status = 'running' AND o.job_id <> j.job_id
)
SELECT j.client_name, j.sync_type, j.triggered_by FROM job j
