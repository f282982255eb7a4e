-- Gives a host's login role a password. $1 cluster name, $2 SCRAM verifier. As the admin. No columns of interest.
-- deploy/project_database.cpp.
SELECT sync_metadata.set_login_password($1::text, $2::text)
