-- Extends exactly one unexpired term. Never touches a key column, so fenced writers do not delay it.
-- $1 cluster, $2 leader id, $3 epoch, $4 nonce, $5 lease in seconds.
-- Columns: epoch, milliseconds left (measured after any wait for a lock). No row: the term is over.
-- PostgresLeaseStore::renew.
UPDATE sync_metadata.leader_election
   SET expires_at = clock_timestamp() + make_interval(secs => $5::int), renew_seq = renew_seq + 1,
       heartbeat_count = heartbeat_count + 1
 WHERE cluster_name = $1 AND leader_id = $2 AND epoch = $3::bigint AND term_nonce = $4::uuid
   AND expires_at > clock_timestamp()
RETURNING epoch, floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint
