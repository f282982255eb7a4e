-- Ends those of host_former_sessions.sql, each within seconds: a role may end its own. As the host's login role.
-- No columns of interest. deploy/project_database.cpp.
SELECT pg_terminate_backend(a.pid, 5000)
  FROM pg_stat_activity a
 WHERE a.usename = session_user AND a.datname = current_database() AND a.pid <> pg_backend_pid()
   AND a.backend_start < sync_metadata.password_given_at()
