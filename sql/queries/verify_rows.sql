-- All rows of a table, for verification. {columns} {table} (sync/verify.cpp).
COPY (SELECT {columns} FROM {table} t) TO STDOUT (FORMAT binary)
