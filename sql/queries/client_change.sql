-- Where a registered client is, and how often it is synced. Members of sync_owner only.
-- $1 client name, $2 container name, $3 path of its database, $4 sync interval in seconds; NULL leaves one as it is, and '' as
-- the container takes it away.
-- Column: schema_name. No row: it is gone. Called by `sync-nodectl client register` (cli/registration.cpp).
UPDATE sync_metadata.client_deployments
   SET container_name = nullif(coalesce($2::text, container_name), ''), sqlite_path = coalesce($3::text, sqlite_path),
       sync_interval = coalesce($4::int, sync_interval)
 WHERE client_name = $1::text AND deregistered_at IS NULL
RETURNING schema_name
