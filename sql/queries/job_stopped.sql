-- A job whose connection ended before it could say how it ended, as when it was cancelled while it ran. $1 job, $2 status,
-- $3 why. Column: job id. No row: it said so itself. Called by daemon/job_records.cpp.
UPDATE sync_metadata.sync_jobs
   SET status = $2, error_message = $3
 WHERE job_id = $1::uuid AND status = 'running'
RETURNING job_id
