-- Is this migration applied, and is it the same text? $1 number, $2 its text (bytea).
-- Columns: recorded name, same. No row: not applied. postgres/schema_migrator.cpp.
SELECT name, sha256 = encode(sha256($2), 'hex') FROM sync_metadata.schema_migrations WHERE number = $1::int
