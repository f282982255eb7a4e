-- Gives exactly one term back and tells who listens. The row stays, and with it the epoch. 1970 and not -infinity, from
-- which nobody could subtract. Literals: {cluster}, {leader} its id, {nonce}; number: {epoch}. One empty column; 0 or 1 rows.
-- PostgresLeaseStore::release, in one exchange. Notices: channel sync_node, "CLUSTER\nTEXT" (no cluster's name holds a line break).
WITH released AS (
  UPDATE sync_metadata.leader_election
     SET expires_at = to_timestamp(0)
   WHERE cluster_name = {cluster} AND leader_id = {leader} AND epoch = {epoch} AND term_nonce = {nonce}
  RETURNING cluster_name, term_nonce
)
SELECT pg_notify('sync_node', cluster_name || E'\nlease released ' || term_nonce) FROM released
