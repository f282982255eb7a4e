-- Makes a host's login role and mapping where they are missing. $1 cluster name, $2 its machine or NULL, $3 it replaces the
-- machine that was noted. As the admin. Column: login role. deploy/project_database.cpp.
SELECT sync_metadata.prepare_host($1::text, $2::text, $3::boolean)
