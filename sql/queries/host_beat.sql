-- This node is alive: makes or refreshes its row and tells its id, which the server chose. $1 host name ("host/node-a"),
-- $2 cluster, $3 what to remember of it as JSON, or NULL when nothing changed. Columns: host id. PostgresLeaseStore::beat.
INSERT INTO sync_metadata.hosts AS h (hostname, cluster_name, status, last_heartbeat, metadata)
VALUES ($1, $2, 'active', clock_timestamp(), coalesce($3::jsonb, '{}'))
ON CONFLICT (hostname, cluster_name) DO UPDATE
   SET status = 'active', last_heartbeat = clock_timestamp(), metadata = h.metadata || coalesce($3::jsonb, '{}')
RETURNING host_id
