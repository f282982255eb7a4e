-- How far a load has come, in the transaction of its chunk. {schema}. $1 load table, $2 source table, $3 load id,
-- $4 chunks, $5 rows, $6 last position, $7 complete (sync/load_sender.cpp).
INSERT INTO {schema}._sync_loads AS l (load_table, table_name, load_id, chunks, rows, last_position, complete)
VALUES ($1, $2, $3::uuid, $4::bigint, $5::bigint, $6::bigint, $7::boolean)
ON CONFLICT (load_table) DO UPDATE
   SET chunks = excluded.chunks, rows = excluded.rows, last_position = excluded.last_position,
       complete = excluded.complete, updated_at = clock_timestamp()
 WHERE l.load_id = excluded.load_id
