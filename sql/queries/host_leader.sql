-- Who leads a cluster now. $1 cluster name. Columns: leader, epoch.
-- No row: nobody leads. As the admin or the host's login. deploy/project_database.cpp.
SELECT e.leader_id, e.epoch
  FROM sync_metadata.leader_election e
 WHERE e.cluster_name = $1::text AND e.expires_at > clock_timestamp()
