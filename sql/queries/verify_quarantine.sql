-- All quarantined values of a table, in order. {schema} {table_name} a literal (COPY takes no parameters)
-- (sync/verify.cpp).
COPY (SELECT q.row_key, q.column_name, q.storage_class, q.value
        FROM {schema}._sync_quarantine q WHERE q.table_name = {table_name}
       ORDER BY q.row_key, q.column_name, q.piece) TO STDOUT (FORMAT binary)
