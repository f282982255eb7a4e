-- Conflicts, newest first, without the rows they are about, which can be big. $1 client name (NULL: all of this login), $2 table,
-- $3 type (NULL: any), $4 also resolved ones, $5 how many. Columns: conflict_id, client_name, table_name, record_id, conflict_type,
-- detected_at, strategy, resolved_at, resolved_by, notes, outcome, edited_by, version; NULL where nothing was recorded.
-- control::ConflictView.
SELECT c.conflict_id, c.client_name, c.table_name, c.record_id, c.conflict_type,
       to_char(c.detected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), c.resolution_strategy,
       to_char(c.resolved_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), c.resolved_by, c.resolution_notes, c.outcome,
       c.edited_by, c.version
  FROM sync_metadata.conflict_log c
  JOIN sync_metadata.client_deployments d ON d.deployment_id = c.deployment_id
 WHERE ($1::text IS NULL OR d.client_name = $1::text) AND ($2::text IS NULL OR c.table_name = $2::text)
   AND ($3::text IS NULL OR c.conflict_type = $3::text) AND ($4::boolean OR c.resolved_at IS NULL)
 ORDER BY c.detected_at DESC, c.conflict_id
 LIMIT $5::bigint
