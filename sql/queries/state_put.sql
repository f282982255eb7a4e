-- Writes one value. $1 cluster name, $2 key, $3 value (JSON text), $4 who writes, $5 the version it has to replace (0: the
-- key must not exist; NULL: any). Columns: version, updated_at. No row: the version is another (state/postgres_state_store.cpp).
INSERT INTO sync_metadata.state_values AS s (cluster_name, key, value, updated_by)
SELECT $1::text, $2::text, $3::json, $4::text
 WHERE $5::bigint IS NULL OR $5::bigint = 0
    OR EXISTS (SELECT FROM sync_metadata.state_values o WHERE o.cluster_name = $1::text AND o.key = $2::text)
ON CONFLICT (cluster_name, key) DO UPDATE SET value = excluded.value, updated_by = excluded.updated_by
 WHERE s.version = coalesce($5::bigint, s.version)
RETURNING s.version, to_char(s.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
