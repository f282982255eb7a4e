-- How often nodes sync one client.
-- $1 client name, $2 seconds. One row when the client exists: its name.
-- Called by `sync-nodectl client set-interval` when no node answers; a leader writes it as state (state_deployment_put.sql).
UPDATE sync_metadata.client_deployments SET sync_interval = $2::int
 WHERE client_name = $1::text AND deregistered_at IS NULL
RETURNING client_name
