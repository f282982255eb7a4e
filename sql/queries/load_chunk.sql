-- COPY of one chunk into its load table. {table} {columns} (sync/load_sender.cpp).
COPY {table} ({columns}) FROM STDIN (FORMAT binary)
