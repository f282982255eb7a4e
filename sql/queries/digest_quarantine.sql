-- One digest per row with quarantined values. {schema}. $1 table. Columns (binary): row key, SHA-256 of column, class and
-- value of each piece in order (sync/recheck.cpp).
SELECT q.row_key,
       sha256(string_agg(convert_to(q.column_name, 'UTF8') || '\x00'::bytea || convert_to(q.storage_class, 'UTF8') || '\x00'::bytea
                         || q.value, ''::bytea ORDER BY q.column_name COLLATE "C", q.piece))
  FROM {schema}._sync_quarantine q
 WHERE q.table_name = $1
 GROUP BY q.row_key
