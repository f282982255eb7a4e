-- How many other sessions of the caller's role began before it had its present password. As the host's login role.
-- Column: the number. deploy/project_database.cpp.
SELECT count(*)
  FROM pg_stat_activity a
 WHERE a.usename = session_user AND a.datname = current_database() AND a.pid <> pg_backend_pid()
   AND a.backend_start < sync_metadata.password_given_at()
