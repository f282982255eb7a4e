-- Deletes that wait for a person, once more. $1 deployment, $2 table, $3 kind, $4 rows held, $5 rows total, $6 generation
-- (sync/brake.cpp).
INSERT INTO sync_metadata.held_changes AS h (deployment_id, table_name, kind, rows_held, rows_total, generation)
VALUES ($1::uuid, $2, $3, $4::bigint, $5::bigint, $6::bigint)
ON CONFLICT (deployment_id, table_name, kind) WHERE status IN ('waiting', 'released') DO UPDATE
   SET rows_held = excluded.rows_held, rows_total = excluded.rows_total, generation = excluded.generation,
       last_seen_at = clock_timestamp()
 WHERE h.status = 'waiting'
