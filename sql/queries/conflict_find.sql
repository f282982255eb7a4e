-- One conflict. $1 conflict. Columns: client, table, row key (hex), version, resolved at, resolved by, how it was resolved,
-- what it came to (sync/resolution.cpp).
SELECT d.client_name, c.table_name, encode(c.row_key, 'hex'), c.version, c.resolved_at, c.resolved_by, c.outcome,
       c.resolved_data::text
  FROM sync_metadata.conflict_log c
  JOIN sync_metadata.client_deployments d ON d.deployment_id = c.deployment_id
 WHERE c.conflict_id = $1::uuid
