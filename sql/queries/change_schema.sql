-- Additive DDL of a client. $1 deployment, $2 epoch, $3 operations (jsonb) (sync/shipment.cpp, sync/load_sender.cpp).
SELECT sync_metadata.change_schema($1::uuid, $2::bigint, $3::jsonb)
