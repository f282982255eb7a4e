-- The tables of one client's source as the copy knows them, one JSON document each, by name.
-- {schema} the client's schema. Column: the document (docs/sync-nodectl.schema.json, "table").
-- Called by `sync-nodectl client show` (cli/command_client_show.cpp).
SELECT json_build_object(
         'name', t.table_name,
         'target_name', t.target_name,
         'key', t.key_kind,
         'state', t.state,
         'reason', t.reason,
         'values_quarantined', t.quarantined)::text
  FROM {schema}._sync_tables t
 ORDER BY t.table_name
