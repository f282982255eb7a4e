-- Rows of conflicts that wait are not what they were. $1 deployment, $2 epoch, $3 rows (json array, sql/09-conflicts.sql).
-- Column: how many still wait (sync/resolution.cpp, sync/settlement_page.cpp).
SELECT sync_metadata.move_conflicts($1::uuid, $2::bigint, $3::json)
