-- Values that no column holds. {schema}. $1 table, $2 row keys (bytea[]), $3 columns (text[]), $4 pieces (bigint[]),
-- $5 storage classes (text[]), $6 values (bytea[]), $7 reasons (text[]) (sync/quarantine.cpp).
INSERT INTO {schema}._sync_quarantine AS q (table_name, row_key, column_name, piece, storage_class, value, reason)
SELECT $1, u.row_key, u.column_name, u.piece::int, u.storage_class, u.value, u.reason
  FROM unnest($2::bytea[], $3::text[], $4::bigint[], $5::text[], $6::bytea[], $7::text[])
       AS u(row_key, column_name, piece, storage_class, value, reason)
ON CONFLICT (table_name, row_key, column_name, piece) DO UPDATE
   SET storage_class = excluded.storage_class, value = excluded.value, reason = excluded.reason, created_at = clock_timestamp()
