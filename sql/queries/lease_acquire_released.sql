-- Takes a lease that was given back, and none that merely ran out: a server's clock that stepped ahead makes a living
-- holder's lease look expired, and the notice that says "given back" can be forged. Parameters and columns as lease_acquire.sql.
-- PostgresLeaseStore::acquire_released.
UPDATE sync_metadata.leader_election
   SET leader_id = $2, leader_host_id = $3::uuid, term_nonce = $4::uuid, epoch = greatest(epoch, $6::bigint) + 1,
       acquired_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => $5::int),
       heartbeat_count = 0, renew_seq = renew_seq + 1
 WHERE cluster_name = $1 AND expires_at = to_timestamp(0)
RETURNING epoch, floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint
