-- Forgets the quarantined values of rows whose current ones follow. $1 deployment, $2 epoch, $3 table, $4 row keys
-- (bytea[]) (sync/shipment.cpp).
SELECT sync_metadata.clear_quarantine($1::uuid, $2::bigint, $3, $4::bytea[])
