-- Ends this role's transactions that began under a lease which has run out: a writer frozen between its fence and its
-- COMMIT would hold up the next term. A released lease (1970) has none. $1 cluster. Columns: pid, whether it was told.
-- PostgresLeaseStore::acquire, before taking the lease.
SELECT a.pid, pg_terminate_backend(a.pid)
  FROM sync_metadata.leader_election l, pg_stat_activity a
 WHERE l.cluster_name = $1 AND l.expires_at <= clock_timestamp() AND a.xact_start < l.expires_at
   AND a.usename = session_user AND a.datname = current_database() AND a.pid <> pg_backend_pid()
