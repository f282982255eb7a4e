-- Who leads, and for how long by the server's clock? $1 cluster.
-- Columns: leader id, host id, nonce, epoch, renew_seq, milliseconds left, given back or never held. No row: no such
-- cluster for this login. PostgresLeaseStore::observe.
SELECT leader_id, leader_host_id, term_nonce, epoch, renew_seq,
       floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint, expires_at = to_timestamp(0)
  FROM sync_metadata.leader_election
 WHERE cluster_name = $1
