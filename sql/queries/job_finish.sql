-- $1 job, $2 status, $3 tables synced, $4 tables total, $5 rows synced, $6 rows held, $7 quarantined, $8 bytes,
-- $9 error message ('' for none), $10 generation, $11 sync type, $12 conflicts detected, $13 resolved (sync/job_journal.cpp).
UPDATE sync_metadata.sync_jobs
   SET status = $2, tables_synced = $3::bigint, tables_total = $4::bigint, rows_synced = $5::bigint, rows_failed = 0,
       rows_held = $6::bigint, values_quarantined = $7::bigint, bytes_transferred = $8::bigint,
       error_message = nullif($9, ''), generation = $10::bigint, sync_type = $11, conflicts_detected = $12::bigint,
       conflicts_resolved = $13::bigint
 WHERE job_id = $1::uuid
