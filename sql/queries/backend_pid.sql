-- Which server process serves this very statement? No parameters. Columns: pid. postgres/notices.cpp.
SELECT pg_backend_pid()
