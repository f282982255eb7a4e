-- Inserts or updates rows as a set. {table} {columns} {arrays} ($1::type[], …) {key} {action} (DO UPDATE SET … or
-- DO NOTHING when every column is a key). Parameters: one array per column, binary (sync/merge.cpp).
INSERT INTO {table} ({columns})
SELECT * FROM unnest({arrays})
ON CONFLICT ({key}) {action}
