-- All keys of a table whose source is gone. {table} {keys} (sync/recheck.cpp).
SELECT {keys} FROM {table} t
