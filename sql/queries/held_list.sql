-- Changes the brake holds back, one JSON document each: those that wait first, then what was decided lately.
-- $1 client name, NULL for all. Column: the document (docs/sync-nodectl.schema.json, "held_change").
-- Called by `sync-nodectl held` (cli/held_changes.cpp).
SELECT json_build_object(
         'held_id', h.held_id,
         'client_name', d.client_name,
         'table_name', h.table_name,
         'kind', h.kind,
         'rows_held', h.rows_held,
         'rows_total', h.rows_total,
         'generation', h.generation,
         'status', h.status,
         'first_seen_at', to_char(h.first_seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         'first_seen_age_seconds', extract(epoch FROM statement_timestamp() - h.first_seen_at)::double precision,
         'last_seen_at', to_char(h.last_seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         'decided_by', h.decided_by,
         'decided_at', to_char(h.decided_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))::text
  FROM sync_metadata.held_changes h
  JOIN sync_metadata.client_deployments d ON d.deployment_id = h.deployment_id
 WHERE ($1::text IS NULL OR d.client_name = $1::text)
   AND (h.status IN ('waiting', 'released') OR h.last_seen_at > statement_timestamp() - interval '7 days')
 ORDER BY (h.status = 'waiting') DESC, h.rows_held DESC, d.client_name, h.table_name
