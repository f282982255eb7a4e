-- Loads that were begun and not published. {schema}. Columns: load table, source table, load id, chunks, rows, last
-- position, complete (sync/copy_state.cpp).
SELECT l.load_table, l.table_name, l.load_id, l.chunks, l.rows, coalesce(l.last_position, 0), l.complete
  FROM {schema}._sync_loads l
 ORDER BY l.load_table COLLATE "C"
