-- Where the server's log ends: what was committed before is on the disk once it is flushed up to here. One row, one column.
-- Outside a transaction of ours, so the schema is named. PostgresLeaseStore::renew.
SELECT pg_catalog.pg_current_wal_insert_lsn()
