-- Tables with rows that differ from the source on purpose, and why. {schema}. Columns: table, rows, of them by decision:
-- target kept, merged, waiting for a person; the others were edited and their source has not changed since
-- (sync/open_edits.cpp).
SELECT o.table_name, count(*), count(*) FILTER (WHERE o.reason = 'target'), count(*) FILTER (WHERE o.reason = 'merged'),
       count(*) FILTER (WHERE o.reason = 'waits')
  FROM (SELECT DISTINCT ON (e.table_name, e.row_key) e.table_name, e.reason
          FROM {schema}._sync_edits e WHERE e.resolved_at IS NULL
         ORDER BY e.table_name, e.row_key, e.edit_id DESC) o
 GROUP BY o.table_name ORDER BY o.table_name
