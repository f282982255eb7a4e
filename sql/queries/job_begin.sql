-- A waiting job begins under a term; the server sets started_at. $1 job, $2 epoch.
-- Columns: client name, sync type, triggered by. No row: it waits no longer (cancelled, or begun by another).
UPDATE sync_metadata.sync_jobs
   SET status = 'running', epoch = $2::bigint
 WHERE job_id = $1::uuid AND status = 'pending'
RETURNING client_name, sync_type, triggered_by
