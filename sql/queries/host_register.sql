-- Makes or refreshes this node's row and tells its id, which the server chose. $1 host name, $2 cluster.
-- Columns: host id. postgres/fence.cpp (register_host).
INSERT INTO sync_metadata.hosts (hostname, cluster_name, status, last_heartbeat)
VALUES ($1, $2, 'active', clock_timestamp())
ON CONFLICT (hostname, cluster_name) DO UPDATE SET status = 'active', last_heartbeat = clock_timestamp()
RETURNING host_id
