-- Starts or stops the scheduled syncs of one client.
-- $1 client name, $2 whether nodes sync it. One row when the client exists: its name.
-- Called by the leader (control/records.cpp), and by `sync-nodectl client resume|pause` when no node answers.
UPDATE sync_metadata.client_deployments
   SET sync_enabled = $2::boolean, status = CASE WHEN $2::boolean THEN 'active' ELSE 'paused' END
 WHERE client_name = $1::text AND status IN ('active', 'paused')
RETURNING client_name
