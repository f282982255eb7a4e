-- How the copy's tables look. {schema}. Columns: as in _sync_tables, key columns as json (sync/copy_state.cpp).
SELECT t.table_name, coalesce(t.target_name, ''), coalesce(t.key_kind, ''), coalesce(to_json(t.key_columns)::text, '[]'),
       coalesce(t.columns::text, '[]'), t.state, coalesce(t.reason, ''), t.next_column_id, t.quarantined
  FROM {schema}._sync_tables t
 ORDER BY t.table_name COLLATE "C"
