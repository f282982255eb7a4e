-- Rows that were kept against the source are back in the source. $1 deployment, $2 epoch, $3 table, $4 row keys (bytea[])
-- (sync/shipment.cpp).
SELECT sync_metadata.unkeep_rows($1::uuid, $2::bigint, $3, $4::bytea[])
