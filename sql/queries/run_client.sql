-- The client a run is about. $1 client name. Columns: deployment id, schema, sqlite path, container, status.
-- Row security shows only this login's clients (sync/copy_state.cpp).
SELECT d.deployment_id, d.schema_name, coalesce(d.sqlite_path, ''), coalesce(d.container_name, ''), d.status
  FROM sync_metadata.client_deployments d
 WHERE d.client_name = $1
