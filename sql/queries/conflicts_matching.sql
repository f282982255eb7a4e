-- Conflicts of a client that wait for a person, oldest first. $1 client name, $2 table, $3 type (NULL: any), $4 how many.
-- Columns: conflict_id (NULL: none waits), version, how many there are in all. No row: no such client (control/records.cpp).
SELECT c.conflict_id, c.version, count(c.conflict_id) OVER ()
  FROM sync_metadata.client_deployments d
  LEFT JOIN sync_metadata.conflict_log c ON c.deployment_id = d.deployment_id AND c.resolved_at IS NULL
       AND ($2::text IS NULL OR c.table_name = $2::text) AND ($3::text IS NULL OR c.conflict_type = $3::text)
 WHERE d.client_name = $1::text
 ORDER BY c.detected_at, c.conflict_id
 LIMIT $4::bigint
