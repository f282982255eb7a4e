-- What deploy has to know of a host before it changes anything. $1 cluster name, $2 its machine or NULL. As the admin.
-- Columns: login role it has or would be given; whether it is registered; its machine: none, ours, other; the other cluster
-- this machine is; who leads it, NULL: nobody; clusters of the project (this one too); the server's max_connections.
-- deploy/project_database.cpp.
SELECT sync_metadata.choose_login($1::text),
       l.cluster_name IS NOT NULL,
       CASE WHEN l.machine IS NULL THEN 'none' WHEN l.machine = $2::text THEN 'ours' ELSE 'other' END,
       (SELECT o.cluster_name FROM sync_metadata.cluster_logins o WHERE o.machine = $2::text AND o.cluster_name <> $1::text),
       (SELECT e.leader_id FROM sync_metadata.leader_election e
         WHERE e.cluster_name = $1::text AND e.expires_at > clock_timestamp()),
       (SELECT count(*) FROM sync_metadata.cluster_logins) + CASE WHEN l.cluster_name IS NULL THEN 1 ELSE 0 END,
       current_setting('max_connections')
  FROM (SELECT) AS always
  LEFT JOIN sync_metadata.cluster_logins l ON l.cluster_name = $1::text
