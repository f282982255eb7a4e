-- Fails outside of a transaction that somebody began, and does nothing inside one: what goes before it in a pipeline,
-- up to the last Sync, never commits by itself because BEGIN failed. No result (postgres/pipeline.cpp).
LOCK TABLE sync_metadata.leader_election IN ACCESS SHARE MODE
