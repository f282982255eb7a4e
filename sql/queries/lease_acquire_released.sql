-- Takes a lease that was given back, and none that merely ran out: a server's clock that stepped ahead makes a living
-- holder's lease look expired, and the notice that says "given back" can be forged. Columns as lease_acquire.sql.
-- Literals: {cluster}, {leader} its id, {host} or NULL, {nonce}; numbers: {lease} in seconds, {seen} the highest epoch known.
-- PostgresLeaseStore::acquire_released, in one exchange.
UPDATE sync_metadata.leader_election
   SET leader_id = {leader}, leader_host_id = {host}, term_nonce = {nonce}, epoch = greatest(epoch, {seen}) + 1,
       acquired_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => {lease}),
       heartbeat_count = 0, renew_seq = renew_seq + 1
 WHERE cluster_name = {cluster} AND expires_at = to_timestamp(0)
RETURNING epoch, floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint
