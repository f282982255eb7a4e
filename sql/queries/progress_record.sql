-- Tables of a job, as it goes. $1 job, $2 tables (json array of {table, total or null, processed, inserted, updated, removed, held,
-- quarantined, status}) (sync/job_journal.cpp, sync/load_sender.cpp).
INSERT INTO sync_metadata.sync_progress AS p
       (job_id, table_name, rows_total, rows_processed, rows_failed, rows_inserted, rows_updated, rows_removed, rows_held,
        values_quarantined, status, completed_at)
SELECT $1::uuid, t."table", t.total, t.processed, 0, t.inserted, t.updated, t.removed, t.held, t.quarantined, t.status,
       CASE WHEN t.status <> 'running' THEN clock_timestamp() END
  FROM json_to_recordset($2::json) AS t("table" text, total bigint, processed bigint, inserted bigint, updated bigint,
                                        removed bigint, held bigint, quarantined bigint, status text)
ON CONFLICT (job_id, table_name) DO UPDATE
   SET rows_total = excluded.rows_total, rows_processed = excluded.rows_processed, rows_inserted = excluded.rows_inserted,
       rows_updated = excluded.rows_updated, rows_removed = excluded.rows_removed, rows_held = excluded.rows_held,
       values_quarantined = excluded.values_quarantined, status = excluded.status, completed_at = excluded.completed_at
