-- Begins a transaction and overrides, for it alone, whatever a pooled back end was left with.
-- {isolation} words; {statement_timeout} {lock_timeout} {idle_timeout} milliseconds; {synchronous_commit} on or off.
-- Parallel workers are the server's, shared with whoever else it serves: ours stay single. No result.
-- One round trip, simple protocol (postgres/transaction.cpp).
BEGIN ISOLATION LEVEL {isolation} READ WRITE;
SET LOCAL statement_timeout = {statement_timeout};
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL idle_in_transaction_session_timeout = {idle_timeout};
SET LOCAL synchronous_commit = {synchronous_commit};
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL ROLE NONE;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = on;
SET LOCAL standard_conforming_strings = on;
SET LOCAL bytea_output = hex;
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = postgres;
SET LOCAL timezone = 'UTC';
SET LOCAL extra_float_digits = 1;
SET LOCAL client_min_messages = warning;
