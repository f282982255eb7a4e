-- Archives and deletes rows. $1 deployment, $2 epoch, $3 generation, $4 table, $5 key columns, $6 keys (json).
-- Column: rows removed (sync/shipment.cpp).
SELECT sync_metadata.remove_rows($1::uuid, $2::bigint, $3::bigint, $4, ARRAY(SELECT json_array_elements_text($5::json)), $6::jsonb)
