-- Ends the lease of the caller's cluster, whoever holds it: the next leader has a new epoch, and a renewal finds no term. As the
-- host's login role. No columns. deploy/project_database.cpp.
UPDATE sync_metadata.leader_election
   SET expires_at = to_timestamp(0)
 WHERE cluster_name = sync_metadata.caller_cluster() AND expires_at > clock_timestamp()
