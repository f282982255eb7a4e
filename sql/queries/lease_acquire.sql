-- Takes an expired or released lease. Only this, lease_acquire_released and lease_take_over change the epoch.
-- $1 cluster, $2 leader id, $3 host id or NULL, $4 nonce, $5 lease in seconds, $6 highest epoch ever seen.
-- Columns: epoch, milliseconds left (measured after any wait for a lock). No row: somebody holds it, or no such cluster.
-- PostgresLeaseStore::acquire. The row lock waits for a fenced writer that is about to commit.
UPDATE sync_metadata.leader_election
   SET leader_id = $2, leader_host_id = $3::uuid, term_nonce = $4::uuid, epoch = greatest(epoch, $6::bigint) + 1,
       acquired_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => $5::int),
       heartbeat_count = 0, renew_seq = renew_seq + 1
 WHERE cluster_name = $1 AND expires_at <= clock_timestamp()
RETURNING epoch, floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint
