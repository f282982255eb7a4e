-- Ends the syncing of a client for good and keeps its copy. Members of sync_owner only.
-- $1 client name, $2 by whom. Called by `sync-nodectl client deregister` (cli/command_client_deregister.cpp).
SELECT sync_metadata.deregister_client($1::text, $2::text)
