-- A part of other statements, in place of a table: its rows as they were shipped. {schema} {table} {columns} {values} {row_key}
-- {name} (literal) (sync/open_edits.cpp).
(SELECT {columns} FROM {table} t
  WHERE NOT EXISTS (SELECT FROM {schema}._sync_edits e
                     WHERE e.table_name = {name} AND e.resolved_at IS NULL AND e.row_key = {row_key})
 UNION ALL
 SELECT {values}
   FROM (SELECT DISTINCT ON (e.row_key) e.old_image AS image
           FROM {schema}._sync_edits e WHERE e.table_name = {name} AND e.resolved_at IS NULL
          ORDER BY e.row_key, e.edit_id) i
  WHERE i.image IS NOT NULL)
