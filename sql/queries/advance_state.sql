-- The copy moves from one sync to the next, in the transaction that carries the rows. {schema}. $1 generation after,
-- $2 epoch, $3 sync id after, $4 source identity, $5 journal mode, $6 source schema (json; '' keeps it), $7 sync id
-- before ('' for none). One row affected, or the copy has moved meanwhile. Column: tables with open edits (json array)
-- (sync/shipment.cpp).
INSERT INTO {schema}._sync_state AS s
       (singleton, generation, epoch, sync_id, source_identity, source_journal_mode, source_schema, shipped_at)
VALUES (true, $1::bigint, $2::bigint, $3::uuid, $4, $5, nullif($6, '')::json, clock_timestamp())
ON CONFLICT (singleton) DO UPDATE
   SET generation = excluded.generation, epoch = excluded.epoch, sync_id = excluded.sync_id,
       source_identity = excluded.source_identity, source_journal_mode = excluded.source_journal_mode,
       source_schema = coalesce(excluded.source_schema, s.source_schema), shipped_at = excluded.shipped_at
 WHERE s.sync_id::text = $7 AND s.generation = $1::bigint - 1
RETURNING (SELECT coalesce(json_agg(DISTINCT e.table_name), '[]') FROM {schema}._sync_edits e WHERE e.resolved_at IS NULL)
