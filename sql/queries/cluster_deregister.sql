-- Removes a cluster, its nodes and the registrations of its clients. $1 cluster name. As the admin.
-- Column: what was removed, as JSON. Called by `sync-nodectl deregister` (cli/command_deregister.cpp).
SELECT sync_metadata.deregister_cluster($1::text)::text
