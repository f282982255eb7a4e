-- The schema that a client of this name gets. Members of sync_owner only.
-- $1 client name. Column: schema_name. Called before a registration (cli/registration.cpp).
SELECT sync_metadata.client_schema_name($1::text)
