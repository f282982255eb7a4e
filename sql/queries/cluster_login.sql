-- The login role a cluster is mapped to. Members of sync_owner only.
-- $1 cluster name. Column: login_role. No row: the cluster is not registered yet.
-- Called by `sync-nodectl client register` (cli/registration.cpp).
SELECT l.login_role FROM sync_metadata.cluster_logins l WHERE l.cluster_name = $1::text
