-- Rows that an operator wants kept although the source deleted them. {schema}. $1 table, $2 row keys (bytea[]),
-- $3 reason (the id of the held change) (sync/shipment.cpp).
INSERT INTO {schema}._sync_kept (table_name, row_key, reason)
SELECT $1, k, $3 FROM unnest($2::bytea[]) AS u(k)
ON CONFLICT (table_name, row_key) DO NOTHING
