-- Rows an operator keeps against the source. {schema}. $1 table. Column (binary): row key (sync/recheck.cpp).
SELECT k.row_key FROM {schema}._sync_kept k WHERE k.table_name = $1
