-- One table of a job, as it goes. $1 job, $2 table, $3 total (NULL unknown), $4 processed, $5 inserted, $6 updated,
-- $7 removed, $8 held, $9 quarantined, $10 status (sync/job_journal.cpp).
INSERT INTO sync_metadata.sync_progress AS p
       (job_id, table_name, rows_total, rows_processed, rows_failed, rows_inserted, rows_updated, rows_removed, rows_held,
        values_quarantined, status, completed_at)
VALUES ($1::uuid, $2, $3::bigint, $4::bigint, 0, $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::bigint, $10,
        CASE WHEN $10 = 'running' THEN NULL ELSE clock_timestamp() END)
ON CONFLICT (job_id, table_name) DO UPDATE
   SET rows_total = excluded.rows_total, rows_processed = excluded.rows_processed, rows_inserted = excluded.rows_inserted,
       rows_updated = excluded.rows_updated, rows_removed = excluded.rows_removed, rows_held = excluded.rows_held,
       values_quarantined = excluded.values_quarantined, status = excluded.status, completed_at = excluded.completed_at
