-- Asks for a sync of one client; one that waits already is as good, since it has not begun to read. A paused client is synced
-- when it is asked for, as without a node.
-- $1 client name, $2 triggered by, $3 sync type ('incremental', 'full', 'verify'). Columns: job id (NULL when the client may not be
-- synced), status of the client. No row: no such client. Called by a trigger, on the leader (control/).
WITH client AS (SELECT d.deployment_id, d.status FROM sync_metadata.client_deployments d WHERE d.client_name = $1::text AND d.deregistered_at IS NULL),
     waiting AS (SELECT j.job_id FROM sync_metadata.sync_jobs j JOIN client c ON c.deployment_id = j.deployment_id
                  WHERE j.status = 'pending' AND j.sync_type = $3::text AND c.status IN ('active', 'paused') ORDER BY j.queued_at LIMIT 1),
     queued AS (INSERT INTO sync_metadata.sync_jobs (deployment_id, client_name, status, triggered_by, sync_type)
                SELECT c.deployment_id, '', 'pending', $2::text, $3::text FROM client c
                 WHERE c.status IN ('active', 'paused') AND NOT EXISTS (SELECT FROM waiting)
                RETURNING job_id)
SELECT coalesce((SELECT w.job_id FROM waiting w), (SELECT q.job_id FROM queued q)), c.status FROM client c
