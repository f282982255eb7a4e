-- One digest per bucket of keys: what a recheck compares first. {table} {keys} {columns} in shipped order. $1 mask (buckets - 1).
-- Columns: bucket, rows, two halves of the xor of the rows' SHA-256 (first 16 bytes). The hashed bytes are those of
-- record_send, which are the bytes of binary COPY (sync/recheck.cpp).
SELECT d.bucket, count(*), bit_xor(d.high), bit_xor(d.low)
  FROM (SELECT ('x' || substr(encode(s.k, 'hex'), 1, 8))::bit(32)::int & $1::int AS bucket,
               ('x' || substr(encode(s.r, 'hex'), 1, 16))::bit(64)::bigint AS high,
               ('x' || substr(encode(s.r, 'hex'), 17, 16))::bit(64)::bigint AS low
          FROM (SELECT sha256(record_send(ROW({keys}))) AS k, sha256(record_send(ROW({columns}))) AS r FROM {table} t) s) d
 GROUP BY d.bucket
