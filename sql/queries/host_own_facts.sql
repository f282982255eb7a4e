-- What a host may know of itself, as its own login role. $1 its machine. Columns: cluster name, NULL: none; its machine: none,
-- ours, other; who leads, NULL: nobody. deploy/project_database.cpp.
SELECT sync_metadata.caller_cluster(), sync_metadata.own_machine($1::text),
       (SELECT e.leader_id FROM sync_metadata.leader_election e
         WHERE e.cluster_name = sync_metadata.caller_cluster() AND e.expires_at > clock_timestamp())
