-- The rows of some buckets, as digests. {table} {keys} {columns}. $1 mask, $2 buckets (bigint[]). Columns (binary): 8 bytes
-- of the key's digest, 16 of the row's. Buckets may be many: hashed, which = ANY of another type is not (sync/recheck.cpp).
SELECT substr(s.k, 1, 8), substr(s.r, 1, 16)
  FROM (SELECT sha256(record_send(ROW({keys}))) AS k, sha256(record_send(ROW({columns}))) AS r FROM {table} t) s
 WHERE ('x' || substr(encode(s.k, 'hex'), 1, 8))::bit(32)::int & $1::int IN (SELECT b::int FROM unnest($2::bigint[]) b)
