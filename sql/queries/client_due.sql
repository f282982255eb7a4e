-- The clients of a node's cluster: where they are, whether and when they are due by the server's clock, and how current
-- their copies are. One whose last sync was left running by a dead node is due at once: the caller leads, so nobody runs it. A verify
-- puts no sync off.
-- $1 cluster name. Columns: client_name, sqlite_path, enabled, milliseconds until due (negative: overdue), sync_interval
-- in seconds (0: live; then it is due as every minute), status of the last finished job ('' for none), age of the snapshot the
-- copy holds in milliseconds, rounded up (NULL: never synced), container_name ('' for none), and a text that changes whenever
-- somebody decided something for the next run: what is configured of the client, and its held deletes.
-- Called by daemon/crew.cpp.
SELECT d.client_name, coalesce(d.sqlite_path, ''), d.sync_enabled AND d.status = 'active',
       CASE WHEN j.status = 'running' THEN 0
            ELSE coalesce(ceil(extract(epoch FROM j.started_at + make_interval(secs => CASE d.sync_interval WHEN 0 THEN 60 ELSE d.sync_interval END) - statement_timestamp()) * 1000), 0)
       END::bigint AS due_in,
       d.sync_interval, coalesce(d.last_sync_status, ''),
       ceil(extract(epoch FROM statement_timestamp() - c.started_at) * 1000)::bigint,
       coalesce(d.container_name, ''),
       concat(d.state_version, '/', (SELECT max(h.decided_at) FROM sync_metadata.held_changes h
                                      WHERE h.deployment_id = d.deployment_id AND h.decided_at IS NOT NULL))
  FROM sync_metadata.client_deployments d
  LEFT JOIN LATERAL (SELECT s.started_at, s.status FROM sync_metadata.sync_jobs s
                      WHERE s.deployment_id = d.deployment_id AND s.sync_type <> 'verify' AND s.status <> 'pending'
                        AND (s.status <> 'cancelled' OR s.duration_seconds IS NOT NULL)
                      ORDER BY s.started_at DESC LIMIT 1) j ON true
  LEFT JOIN LATERAL (SELECT max(s.started_at) AS started_at FROM sync_metadata.sync_jobs s
                      WHERE s.deployment_id = d.deployment_id AND s.status IN ('success', 'held', 'conflicts')) c ON true
 WHERE d.cluster_name = $1::text AND d.status IN ('active', 'paused')
 ORDER BY due_in, d.client_name
