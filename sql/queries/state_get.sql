-- One value by key. $1 cluster name, $2 key.
-- Columns: value (JSON text), version, updated_at. No row: no such key (state/postgres_state_store.cpp).
SELECT s.value::text, s.version, to_char(s.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
  FROM sync_metadata.state_values s
 WHERE s.cluster_name = $1::text AND s.key = $2::text
