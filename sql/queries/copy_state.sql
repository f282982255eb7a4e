-- What the copy says about itself, in one round trip. {schema}. $1 client name. Columns: generation, sync id (0 and '' before
-- the first sync), source schema as stored, tables (json array of arrays: _sync_tables in its order, without NULLs), loads that were begun and
-- not published (json array of arrays: load table, source table, load id, chunks, rows, last position, complete),
-- conflicts that wait for a person (sync/copy_state.cpp).
SELECT coalesce(s.generation, 0), coalesce(s.sync_id::text, ''), coalesce(s.source_schema::text, ''),
       (SELECT coalesce(json_agg(json_build_array(
                 t.table_name, coalesce(t.target_name, ''), coalesce(t.key_kind, ''), coalesce(to_json(t.key_columns), '[]'),
                 coalesce(t.columns, '[]'), t.state, coalesce(t.reason, ''), t.next_column_id, t.quarantined)
               ORDER BY t.table_name COLLATE "C"), '[]')
          FROM {schema}._sync_tables t),
       (SELECT coalesce(json_agg(json_build_array(
                 l.load_table, l.table_name, l.load_id, l.chunks, l.rows, coalesce(l.last_position, 0), l.complete)
               ORDER BY l.load_table COLLATE "C"), '[]')
          FROM {schema}._sync_loads l),
       (SELECT count(*) FROM sync_metadata.conflict_log c WHERE c.resolved_at IS NULL AND c.deployment_id = (SELECT d.deployment_id FROM sync_metadata.client_deployments d
                                                                    WHERE d.client_name = $1::text AND d.deregistered_at IS NULL))
  FROM (SELECT 1) one LEFT JOIN {schema}._sync_state s ON true
