-- What stands in the way of a registration, or is it already: whoever has the schema that this name gets, and whoever has the
-- container. Members of sync_owner only.
-- $1 cluster, $2 client name or NULL, $3 container name or NULL. Columns: client_name, cluster_name, container_name or '', sqlite_path
-- or '', sync_interval, schema_name, deregistered, whether it has the schema. Called before a registration (cli/registration.cpp).
SELECT d.client_name, d.cluster_name, coalesce(d.container_name, ''), coalesce(d.sqlite_path, ''), d.sync_interval, d.schema_name,
       d.deregistered_at IS NOT NULL, coalesce(d.schema_name = s.name, false)
  FROM sync_metadata.client_deployments d
  CROSS JOIN (SELECT CASE WHEN $2::text IS NOT NULL THEN sync_metadata.client_schema_name($2::text) END AS name) s
 WHERE d.schema_name = s.name
    OR (d.cluster_name = $1::text AND d.container_name = $3::text)
