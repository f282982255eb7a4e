-- Maps a cluster (host) to its login role and makes its lease row. Members of sync_owner only.
-- $1 cluster name, $2 login role. No columns of interest.
-- Called by `sync-nodectl client register` (cli/registration.cpp).
SELECT sync_metadata.register_cluster($1::text, $2::text)
