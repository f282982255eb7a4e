-- The same as host_facts.sql of a schema that does not know machines and login roles yet: what it will tell once it does, but
-- for the role of a host that is new. $1 cluster name. As the admin. Columns: those of host_facts.sql.
-- deploy/project_database.cpp.
SELECT l.login_role, l.cluster_name IS NOT NULL, 'none', NULL,
       (SELECT e.leader_id FROM sync_metadata.leader_election e
         WHERE e.cluster_name = $1::text AND e.expires_at > clock_timestamp()),
       (SELECT count(*) FROM sync_metadata.cluster_logins) + CASE WHEN l.cluster_name IS NULL THEN 1 ELSE 0 END,
       current_setting('max_connections')
  FROM (SELECT) AS always
  LEFT JOIN sync_metadata.cluster_logins l ON l.cluster_name = $1::text
