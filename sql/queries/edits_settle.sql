-- What was decided of open edits. $1 deployment, $2 epoch, $3 table, $4 rows (json). Column: edits settled
-- (sync/settlement.cpp).
SELECT sync_metadata.settle_edits($1::uuid, $2::bigint, $3, $4::json)
