-- Gives exactly one term back. The row stays, and with it the epoch. 1970 and not -infinity, from which nobody
-- could subtract. $1 cluster, $2 leader id, $3 epoch, $4 nonce. No columns; 0 or 1 rows. PostgresLeaseStore::release.
UPDATE sync_metadata.leader_election
   SET expires_at = to_timestamp(0)
 WHERE cluster_name = $1 AND leader_id = $2 AND epoch = $3::bigint AND term_nonce = $4::uuid
