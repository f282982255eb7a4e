-- Extends exactly one unexpired term. Never touches a key column, so fenced writers do not delay it.
-- Literals: {cluster}, {leader} its id, {nonce}; numbers: {epoch}, {lease} in seconds.
-- Columns: epoch, milliseconds left (measured after any wait for a lock), renew_seq. No row: the term is over.
-- PostgresLeaseStore::renew, which sends it in one exchange with the beginning and the end of its transaction.
UPDATE sync_metadata.leader_election
   SET expires_at = clock_timestamp() + make_interval(secs => {lease}), renew_seq = renew_seq + 1,
       heartbeat_count = heartbeat_count + 1
 WHERE cluster_name = {cluster} AND leader_id = {leader} AND epoch = {epoch} AND term_nonce = {nonce}
   AND expires_at > clock_timestamp()
RETURNING epoch, floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint, renew_seq
