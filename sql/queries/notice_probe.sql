-- Sends a notice to whoever listens. $1 payload. One empty column. postgres/notice_probe.cpp, from a second connection: a
-- session's own notice comes with the answer to its own statement, through any pooler, and proves nothing.
SELECT pg_notify('sync_node', $1)
