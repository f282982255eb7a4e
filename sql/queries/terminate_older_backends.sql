-- Ends the writers of a term that is over, before its lease is taken: one frozen between its fence and its COMMIT would
-- hold up the next term, one frozen inside COPY the next term's work. A writer is known by its locks, not by its name:
-- it passed the fence (RowShareLock on the lease row's table, which nothing else takes) or writes a client's table.
-- Lease connections, readers and commands that write only sync_metadata are left alone. $1 cluster; $2 epoch and $3 nonce
-- of a holder proven dead, or NULLs: then only a lease that ran out counts. A released lease (1970) has no writers.
-- Columns: pid, whether it was told. PostgresLeaseStore, before taking the lease.
-- now() is when this transaction began: a writer of whoever takes the lease before us began later.
SELECT a.pid, pg_terminate_backend(a.pid)
  FROM sync_metadata.leader_election l
  JOIN pg_stat_activity a
    ON (l.expires_at <= clock_timestamp() AND a.xact_start < l.expires_at)
    OR (l.epoch = $2::bigint AND l.term_nonce = $3::uuid AND l.expires_at <> to_timestamp(0) AND a.xact_start < now())
 WHERE l.cluster_name = $1 AND a.usename = session_user AND a.datname = current_database()
   AND a.pid <> pg_backend_pid()
   AND EXISTS (
     SELECT FROM pg_locks k
       LEFT JOIN pg_class c ON c.oid = k.relation  -- a table made in that very transaction is not there yet
      WHERE k.pid = a.pid AND k.granted AND k.locktype = 'relation'
        AND k.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        AND CASE WHEN k.relation = 'sync_metadata.leader_election'::regclass THEN k.mode = 'RowShareLock'
                 ELSE k.mode NOT IN ('AccessShareLock', 'RowShareLock')
                      AND coalesce(c.relnamespace NOT IN ('sync_metadata'::regnamespace, 'pg_catalog'::regnamespace,
                                                          'pg_toast'::regnamespace), true)
            END)
