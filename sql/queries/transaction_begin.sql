-- Begins a transaction; transaction_settings follows at once. {isolation} words. No result. (postgres/transaction.cpp).
BEGIN ISOLATION LEVEL {isolation} READ WRITE
