-- Where the copy stands. {schema}. Columns: generation, sync id ('' and 0 before the first sync) (sync/copy_state.cpp).
SELECT coalesce(max(s.generation), 0), coalesce(max(s.sync_id::text), ''), coalesce(max(s.source_schema::text), '')
  FROM {schema}._sync_state s
