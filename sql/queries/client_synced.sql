-- What the last run of a client came to. $1 deployment, $2 status, $3 'true' when the copy is current now
-- (sync/job_journal.cpp).
UPDATE sync_metadata.client_deployments
   SET last_sync_status = $2, last_sync_at = CASE WHEN $3::boolean THEN clock_timestamp() ELSE last_sync_at END
 WHERE deployment_id = $1::uuid
