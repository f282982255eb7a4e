-- Removes a deregistered client: its schema and its history. Members of sync_owner only.
-- $1 client name. Called by `sync-nodectl client deregister --drop-schema` (cli/command_client_deregister.cpp).
SELECT sync_metadata.drop_client($1::text)
