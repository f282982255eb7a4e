-- One applier at a time, until the transaction ends. No parameters. The number is "syncnode" in ASCII.
-- postgres/schema_migrator.cpp.
SELECT pg_advisory_xact_lock(x'73796e636e6f6465'::bigint)
