-- Open edits of a table whose key or types are others now: their images are of no row any more. {schema}. $1 table, $2 after this
-- key (hex), $3 how many. Columns: key (hex), last edit, base, target, editors, conflict that waits (sync/open_edits.cpp).
SELECT encode(k.row_key, 'hex'), k.last, f.old_image::text, l.new_image::text, k.editors, k.conflict
  FROM (SELECT o.row_key, min(o.edit_id) AS first, max(o.edit_id) AS last, max(o.conflict_id::text) AS conflict,
               string_agg(DISTINCT o.edited_by, ', ') FILTER (WHERE o.operation <> 'decision') AS editors
          FROM {schema}._sync_edits o
         WHERE o.table_name = $1 AND o.resolved_at IS NULL AND o.row_key > decode($2, 'hex')
         GROUP BY o.row_key ORDER BY o.row_key LIMIT $3::bigint) k
  JOIN {schema}._sync_edits f ON f.edit_id = k.first
  JOIN {schema}._sync_edits l ON l.edit_id = k.last
 ORDER BY k.row_key
