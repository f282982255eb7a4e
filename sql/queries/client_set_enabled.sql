-- Starts or stops the scheduled syncs of one client.
-- $1 client name, $2 whether nodes sync it. One row when the client exists: its name.
-- Called by `sync-nodectl client resume` and `client pause` (cli/command_client_enable.cpp).
UPDATE sync_metadata.client_deployments
   SET sync_enabled = $2::boolean, status = CASE WHEN $2::boolean THEN 'active' ELSE 'paused' END
 WHERE client_name = $1::text AND status IN ('active', 'paused')
RETURNING client_name
