-- The clients a node has to sync, and in how many seconds by the server's clock; the most overdue first.
-- $1 cluster name. Columns: client_name, seconds until due (negative: overdue), sync_interval in seconds.
-- Called by the loop of a node (daemon/node_loop.cpp).
SELECT d.client_name,
       coalesce(ceil(extract(epoch FROM j.started_at + make_interval(secs => d.sync_interval) - statement_timestamp())),
                0)::bigint AS due_in,
       d.sync_interval
  FROM sync_metadata.client_deployments d
  LEFT JOIN LATERAL (SELECT max(s.started_at) AS started_at FROM sync_metadata.sync_jobs s
                      WHERE s.deployment_id = d.deployment_id) j ON true
 WHERE d.cluster_name = $1::text AND d.sync_enabled AND d.status = 'active'
 ORDER BY due_in, d.client_name
