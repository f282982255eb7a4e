-- The keys behind some key digests: rows that only the copy has. {table} {keys} ({keys} as text). $1 digests (bytea[]), 8
-- bytes each (sync/recheck.cpp).
SELECT {keys} FROM {table} t WHERE substr(sha256(record_send(ROW({keys}))), 1, 8) = ANY ($1::bytea[])
