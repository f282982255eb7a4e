-- How many rows still speak of a cluster. $1 cluster name. As the admin. Column: the number; 0 after it was deregistered.
-- Called by `sync-nodectl deregister` (cli/command_deregister.cpp).
SELECT (SELECT count(*) FROM sync_metadata.cluster_logins WHERE cluster_name = $1::text)
       + (SELECT count(*) FROM sync_metadata.hosts WHERE cluster_name = $1::text)
       + (SELECT count(*) FROM sync_metadata.leader_election WHERE cluster_name = $1::text)
       + (SELECT count(*) FROM sync_metadata.client_deployments WHERE cluster_name = $1::text)
       + (SELECT count(*) FROM sync_metadata.state_values WHERE cluster_name = $1::text)
