-- lease_renew.sql by one who knows where in the log his last renewal ended, and so learns whether it reached the disk.
-- Besides: {renew_seq} that renewal's; {position} literal, the end of the log after its COMMIT;
-- {covered} boolean, this renewal need not wait for the disk; {covered_if_reached} nor if that one reached it.
-- A server that crashed and forgot that renewal goes on at an older renew_seq, wherever its log is by then. Where standbys
-- must confirm, the own disk says too little.
-- Columns: those of lease_renew.sql; whether the last renewal reached the disk; what was set for this one's COMMIT.
UPDATE sync_metadata.leader_election
   SET expires_at = clock_timestamp() + make_interval(secs => {lease}), renew_seq = renew_seq + 1,
       heartbeat_count = heartbeat_count + 1
  FROM (SELECT pg_current_wal_flush_lsn() >= {position}::pg_lsn
               AND current_setting('synchronous_standby_names') = '' AS log) reached
 WHERE cluster_name = {cluster} AND leader_id = {leader} AND epoch = {epoch} AND term_nonce = {nonce}
   AND expires_at > clock_timestamp()
RETURNING epoch, floor(extract(epoch FROM expires_at - clock_timestamp()) * 1000)::bigint, renew_seq,
          reached.log AND renew_seq = {renew_seq} + 1,
          set_config('synchronous_commit',
                     CASE WHEN {covered} OR {covered_if_reached} AND reached.log AND renew_seq = {renew_seq} + 1
                          THEN 'off' ELSE 'on' END, true)
