-- {table} (sync/recheck.cpp, sync/verify.cpp).
SELECT count(*) FROM {table} t
