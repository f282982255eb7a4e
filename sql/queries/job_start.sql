-- $1 deployment, $2 triggered by, $3 sync type, $4 epoch. Column: job id (sync/job_journal.cpp).
INSERT INTO sync_metadata.sync_jobs (deployment_id, client_name, triggered_by, sync_type, epoch)
VALUES ($1::uuid, '', $2, $3, $4::bigint)
RETURNING job_id
