-- How one table of the copy looks from now on. {schema}. $1 source name, $2 target name, $3 key kind, $4 key columns
-- (json), $5 columns (json), $6 state, $7 reason, $8 next column id, $9 quarantined rows (sync/shipment.cpp).
INSERT INTO {schema}._sync_tables AS t
       (table_name, target_name, key_kind, key_columns, columns, state, reason, next_column_id, quarantined)
VALUES ($1, nullif($2, ''), nullif($3, ''), ARRAY(SELECT json_array_elements_text($4::json)), $5::json, $6, nullif($7, ''),
        $8::int, $9::bigint)
ON CONFLICT (table_name) DO UPDATE
   SET target_name = excluded.target_name, key_kind = excluded.key_kind, key_columns = excluded.key_columns,
       columns = excluded.columns, state = excluded.state, reason = excluded.reason,
       next_column_id = excluded.next_column_id, quarantined = excluded.quarantined
