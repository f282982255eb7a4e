-- Who and where are we? No parameters. Columns: user, server version number, database encoding, the process that serves
-- this very statement. Called once per connection (postgres/open.cpp).
SELECT session_user, current_setting('server_version_num'), current_setting('server_encoding'), pg_backend_pid()
