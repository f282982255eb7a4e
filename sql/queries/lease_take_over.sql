-- Takes the lease of a holder whose process is proven dead, run out or not, while the row still shows exactly that term.
-- $1 cluster, $2 leader id, $3 host id or NULL, $4 nonce, $5 lease in seconds, $6 highest epoch ever seen;
-- of the dead: $7 leader id, $8 host id or NULL, $9 epoch, $10 nonce.
-- Columns: epoch, milliseconds left (measured after any wait for a lock). No row: the row shows another term.
-- PostgresLeaseStore::take_over. The row lock waits for a fenced writer that is about to commit.
UPDATE sync_metadata.leader_election
   SET leader_id = $2, leader_host_id = $3::uuid, term_nonce = $4::uuid, epoch = greatest(epoch, $6::bigint) + 1,
       acquired_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => $5::int),
       heartbeat_count = 0, renew_seq = renew_seq + 1
 WHERE cluster_name = $1 AND leader_id = $7 AND leader_host_id IS NOT DISTINCT FROM $8::uuid AND epoch = $9::bigint
   AND term_nonce = $10::uuid
RETURNING epoch, floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint
