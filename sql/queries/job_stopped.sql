-- A job that was cancelled while it ran: its own connection ended with it, so it could not say so itself.
-- $1 job. Column: job id. No row: it ended by itself meanwhile. Called by daemon/job_records.cpp.
UPDATE sync_metadata.sync_jobs
   SET status = 'cancelled', error_message = 'cancelled while it ran'
 WHERE job_id = $1::uuid AND status = 'running'
RETURNING job_id
