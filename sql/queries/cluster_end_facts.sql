-- What deregistering a cluster would meet, as one JSON document. $1 cluster name. As the admin.
-- Column: the document: login_role, leader_id or null, nodes, clients (name, schema, enabled), other_clusters. No row: there is
-- no such cluster. Called by `sync-nodectl deregister` (cli/command_deregister.cpp).
SELECT json_build_object(
         'login_role', l.login_role,
         'leader_id', (SELECT e.leader_id FROM sync_metadata.leader_election e
                        WHERE e.cluster_name = l.cluster_name AND e.expires_at > clock_timestamp()),
         'nodes', (SELECT coalesce(json_agg(h.hostname ORDER BY h.hostname), '[]') FROM sync_metadata.hosts h
                    WHERE h.cluster_name = l.cluster_name),
         'clients', (SELECT coalesce(json_agg(json_build_object('client_name', d.client_name, 'schema_name', d.schema_name,
                                                                'sync_enabled', d.sync_enabled) ORDER BY d.client_name), '[]')
                       FROM sync_metadata.client_deployments d WHERE d.cluster_name = l.cluster_name),
         'other_clusters', (SELECT count(*) FROM sync_metadata.cluster_logins o WHERE o.cluster_name <> l.cluster_name))::text
  FROM sync_metadata.cluster_logins l
 WHERE l.cluster_name = $1::text
