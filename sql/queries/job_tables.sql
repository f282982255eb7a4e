-- The tables of one job that changed or hold something. $1 job. Columns: table, status, rows in all, processed, inserted,
-- updated, removed, held, values quarantined; a NULL count is unknown. control::JobTableView.
SELECT p.table_name, p.status, p.rows_total, p.rows_processed, p.rows_inserted, p.rows_updated, p.rows_removed, p.rows_held,
       p.values_quarantined
  FROM sync_metadata.sync_progress p
 WHERE p.job_id = $1::uuid
 ORDER BY p.table_name
