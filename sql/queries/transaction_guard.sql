-- Fails where transaction_settings was not said in a transaction that still is: what goes before it in a pipeline, up to
-- the last Sync, never commits by itself because BEGIN failed. Not by a statement that needs a transaction block:
-- from PostgreSQL 18 on a pipeline is one by itself. No result of interest (postgres/pipeline.cpp).
SELECT 1 / (coalesce(pg_catalog.current_setting('sync_node.transaction', true), '') = 'begun')::pg_catalog.int4
