-- Registers a client and makes its schema. Members of sync_owner only.
-- $1 cluster, $2 client name, $3 container name or NULL, $4 path of its database, $5 sync interval in seconds.
-- Column: schema_name. Called by `sync-nodectl client register` (cli/registration.cpp).
SELECT d.schema_name
  FROM (SELECT sync_metadata.register_client($1::text, $2::text, $3::text, $4::text, $5::int, '{}'::jsonb) AS id) r,
       LATERAL (SELECT sync_metadata.client_schema_name($2::text) AS schema_name WHERE r.id IS NOT NULL) d
