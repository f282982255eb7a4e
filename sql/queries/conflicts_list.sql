-- Conflicts, newest first. $1 client name (NULL: all of this login), $2 how many, $3 also resolved ones.
-- Columns: conflict_id, client_name, table_name, record_id, conflict_type, detected_at, strategy, source_data, target_data,
-- resolved_at, resolved_by, resolved_data, notes; NULL where nothing was recorded. control::ConflictView.
SELECT c.conflict_id, c.client_name, c.table_name, c.record_id, c.conflict_type,
       to_char(c.detected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), c.resolution_strategy,
       c.source_data::text, c.target_data::text,
       to_char(c.resolved_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), c.resolved_by, c.resolved_data::text,
       c.resolution_notes
  FROM sync_metadata.conflict_log c
  JOIN sync_metadata.client_deployments d ON d.deployment_id = c.deployment_id
 WHERE ($1::text IS NULL OR d.client_name = $1::text) AND ($3::boolean OR c.resolved_at IS NULL)
 ORDER BY c.detected_at DESC, c.conflict_id
 LIMIT $2::bigint
