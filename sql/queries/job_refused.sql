-- A job that ended before it began: what waited becomes failed, what never had a row gets one. $1 job or NULL, $2 client
-- name, $3 why, $4 epoch, $5 triggered by, $6 sync type. Column: job id. Called by daemon/job_records.cpp.
WITH waiting AS (
  UPDATE sync_metadata.sync_jobs SET status = 'failed', error_message = $3::text, epoch = $4::bigint
   WHERE job_id = $1::uuid AND status = 'pending' RETURNING job_id
), fresh AS (
  INSERT INTO sync_metadata.sync_jobs (deployment_id, client_name, status, completed_at, error_message, epoch, triggered_by, sync_type)
  SELECT d.deployment_id, '', 'failed', clock_timestamp(), $3::text, $4::bigint, $5::text, $6::text
    FROM sync_metadata.client_deployments d WHERE d.client_name = $2::text AND $1::uuid IS NULL
  RETURNING job_id
), told AS (
  UPDATE sync_metadata.client_deployments SET last_sync_status = 'failed' WHERE client_name = $2::text RETURNING deployment_id
)
SELECT job_id FROM waiting UNION ALL SELECT job_id FROM fresh
