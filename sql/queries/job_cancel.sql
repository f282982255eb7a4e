-- Takes back a job that waits. $1 job, $2 who cancels. Column: client name. No row: it does not wait (any more); a running
-- one is stopped by its worker. Called by a cancel (control/).
UPDATE sync_metadata.sync_jobs
   SET status = 'cancelled', error_message = 'cancelled by ' || $2::text || ' before it began'
 WHERE job_id = $1::uuid AND status = 'pending'
RETURNING client_name
