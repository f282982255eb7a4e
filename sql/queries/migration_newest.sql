-- The newest applied migration; 0 when none. No parameters. Columns: number. postgres/schema_migrator.cpp.
SELECT coalesce(max(number), 0) FROM sync_metadata.schema_migrations
