-- Changes what an agent may change of a client; NULL leaves it as it is.
-- $1 cluster name, $2 client name, $3 sync_enabled, $4 sync_interval, $5 status. No columns (state/postgres_state_store.cpp).
UPDATE sync_metadata.client_deployments d
   SET sync_enabled = coalesce($3::boolean, d.sync_enabled), sync_interval = coalesce($4::int, d.sync_interval),
       status = coalesce($5::text, d.status)
 WHERE d.cluster_name = $1::text AND d.client_name = $2::text
