-- One client, as the caller may see it.
-- $1 client name. Columns: cluster_name, container_name or '', sqlite_path or '', status. No row: no such client.
-- Called before a run (oneshot/client_run.cpp).
SELECT d.cluster_name, coalesce(d.container_name, ''), coalesce(d.sqlite_path, ''), d.status
  FROM sync_metadata.client_deployments d
 WHERE d.client_name = $1::text AND d.deregistered_at IS NULL
