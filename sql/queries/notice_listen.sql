-- From now on notices come to this session. No parameters, no columns. Nothing comes through a transaction-mode pooler,
-- which says so nowhere; see notice_probe. postgres/hearing.cpp.
LISTEN sync_node
