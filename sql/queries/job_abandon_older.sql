-- Jobs of this client that still say they run: their process is gone, since one job of a client runs at a time and
-- this one holds the lease. Those that wait stay in the queue. $1 deployment, $2 this job (sync/job_journal.cpp).
UPDATE sync_metadata.sync_jobs
   SET status = 'failed', error_message = 'the process that ran this job ended without a word'
 WHERE deployment_id = $1::uuid AND status = 'running' AND job_id <> $2::uuid
