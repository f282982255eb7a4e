-- One conflict with its rows. $1 its id or the beginning of one (hexadecimal digits, dashes where an id has them). Two rows: several
-- begin so. Columns: those of conflicts_list.sql, then base, source, target and resolved row. control::ConflictView.
SELECT c.conflict_id, c.client_name, c.table_name, c.record_id, c.conflict_type,
       to_char(c.detected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), c.resolution_strategy,
       to_char(c.resolved_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), c.resolved_by, c.resolution_notes, c.outcome,
       c.edited_by, c.version, c.base_data::text, c.source_data::text, c.target_data::text, c.resolved_data::text
  FROM sync_metadata.conflict_log c
  JOIN sync_metadata.client_deployments d ON d.deployment_id = c.deployment_id
 WHERE c.conflict_id BETWEEN rpad(replace($1::text, '-', ''), 32, '0')::uuid AND rpad(replace($1::text, '-', ''), 32, 'f')::uuid
 ORDER BY c.conflict_id
 LIMIT 2
