-- Remembers an applied migration, in its own transaction. $1 number, $2 name, $3 its text (bytea).
-- postgres/schema_migrator.cpp.
INSERT INTO sync_metadata.schema_migrations (number, name, sha256) VALUES ($1::int, $2, encode(sha256($3), 'hex'))
