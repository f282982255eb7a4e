-- What "deployment.<client>" shows. $1 cluster name, $2 client name; {lock} is FOR NO KEY UPDATE or empty.
-- Columns: value (JSON text), version, updated_at. No row: no such client (state/postgres_state_store.cpp).
SELECT row_to_json(v)::text, v_version, to_char(v_updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
  FROM (SELECT d.state_version AS v_version, d.state_updated_at AS v_updated_at, d.*
          FROM sync_metadata.client_deployments d
         WHERE d.cluster_name = $1::text AND d.client_name = $2::text AND d.deregistered_at IS NULL {lock}) d
 CROSS JOIN LATERAL (SELECT d.client_name, d.cluster_name, d.schema_name, d.container_name, d.sqlite_path, d.fqdn, d.port,
                            d.database_type, d.sync_enabled, d.sync_interval, d.status, d.config) v
