-- Open edits of one table, a line per row: what the source had when it was shipped last (shipped), what both sides had before
-- a decision that waits (base, else shipped), what the row became (target), what stands in the table now. At most 8 MB of images
-- beyond the first row. {schema} {table} {match} {image} {present}. $1 table, $2 row keys (bytea[], NULL: all rows), $3 after this
-- key (hex), $4 how many. Columns: key (hex), last edit, shipped, base, target, row now (NULL: there is no such row), editors,
-- conflict that waits (sync/open_edits.cpp).
-- Some keys are looked up one by one (OFFSET 0 keeps it so), however many edits are open: one of the halves of `open` is empty.
WITH open AS (
  SELECT o.* FROM (SELECT DISTINCT key FROM unnest($2::bytea[]) key WHERE key > decode($3, 'hex')) k
   CROSS JOIN LATERAL (SELECT e.row_key, e.edit_id, e.edited_by, e.operation, e.conflict_id FROM {schema}._sync_edits e
                        WHERE e.table_name = $1 AND e.resolved_at IS NULL AND e.row_key = k.key OFFSET 0) o
  UNION ALL
  SELECT e.row_key, e.edit_id, e.edited_by, e.operation, e.conflict_id FROM {schema}._sync_edits e
   WHERE $2::bytea[] IS NULL AND e.table_name = $1 AND e.resolved_at IS NULL AND e.row_key > decode($3, 'hex')),
keys AS MATERIALIZED (
  SELECT o.row_key, min(o.edit_id) AS first, max(o.edit_id) AS last,
         string_agg(DISTINCT o.edited_by, ', ') FILTER (WHERE o.operation <> 'decision') AS editors,
         max(o.conflict_id::text) AS conflict
    FROM open o
   GROUP BY o.row_key ORDER BY o.row_key LIMIT $4::bigint),
edits AS (
  SELECT k.row_key, k.last, k.editors, k.conflict, f.old_image AS shipped, coalesce(f.base_image, f.old_image) AS base,
         l.new_image AS target,
         sum(coalesce(octet_length(f.old_image::text), 0) + coalesce(octet_length(l.new_image::text), 0))
           OVER (ORDER BY k.row_key ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM keys k
    JOIN {schema}._sync_edits f ON f.edit_id = k.first
    JOIN {schema}._sync_edits l ON l.edit_id = k.last)
SELECT encode(e.row_key, 'hex'), e.last, e.shipped::text, e.base::text, e.target::text, CASE WHEN {present} THEN {image}::text END,
       e.editors, e.conflict
  FROM edits e
  CROSS JOIN LATERAL (SELECT coalesce(e.target, e.shipped) AS image) i
  LEFT JOIN {table} t ON {match}
 WHERE coalesce(e.before, 0) <= 8388608
 ORDER BY e.row_key
