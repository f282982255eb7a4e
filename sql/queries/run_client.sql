-- The client a run is about. $1 client name. Columns: deployment id, schema, sqlite path, container, status, its own conflict policy
-- (config's conflict_resolution as text).
-- Row security shows only this login's clients (sync/copy_state.cpp).
SELECT d.deployment_id, d.schema_name, coalesce(d.sqlite_path, ''), coalesce(d.container_name, ''), d.status,
       coalesce(d.config->>'conflict_resolution', '')
  FROM sync_metadata.client_deployments d
 WHERE d.client_name = $1 AND d.deregistered_at IS NULL
