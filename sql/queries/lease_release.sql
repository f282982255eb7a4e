-- Gives exactly one term back and tells who listens. The row stays, and with it the epoch. 1970 and not -infinity, from
-- which nobody could subtract. $1 cluster, $2 leader id, $3 epoch, $4 nonce. One empty column; 0 or 1 rows.
-- PostgresLeaseStore::release. Notices: channel sync_node, "CLUSTER\nTEXT" (no cluster's name holds a line break).
WITH released AS (
  UPDATE sync_metadata.leader_election
     SET expires_at = to_timestamp(0)
   WHERE cluster_name = $1 AND leader_id = $2 AND epoch = $3::bigint AND term_nonce = $4::uuid
  RETURNING cluster_name, term_nonce
)
SELECT pg_notify('sync_node', cluster_name || E'\nlease released ' || term_nonce) FROM released
