-- Drops what was decided longer ago than the policy keeps. $1 deployment, $2 epoch, $3 days. Column: entries of the log that went
-- (sync/shipment.cpp).
SELECT sync_metadata.expire_conflicts($1::uuid, $2::bigint, $3::int)
