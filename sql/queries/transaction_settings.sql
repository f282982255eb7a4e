-- Overrides, for one transaction alone, whatever a pooled back end was left with: SET LOCAL, as one statement.
-- {statement_timeout} {lock_timeout} {idle_timeout} milliseconds; {synchronous_commit} on or off. {plan_cache_mode}.
-- Parallel workers are the server's, shared with whoever else it serves: ours stay single. The keepalives end a
-- server process whose client's network was cut in the middle of a message (on a Unix socket they do nothing).
-- transaction_guard asks for the first. One row of no interest (postgres/transaction.cpp).
SELECT pg_catalog.set_config('sync_node.transaction', 'begun', true),
       pg_catalog.set_config('statement_timeout', '{statement_timeout}', true),
       pg_catalog.set_config('lock_timeout', '{lock_timeout}', true),
       pg_catalog.set_config('idle_in_transaction_session_timeout', '{idle_timeout}', true),
       pg_catalog.set_config('synchronous_commit', '{synchronous_commit}', true),
       pg_catalog.set_config('plan_cache_mode', '{plan_cache_mode}', true),
       pg_catalog.set_config('max_parallel_workers_per_gather', '0', true),
       pg_catalog.set_config('role', 'none', true),
       pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
       pg_catalog.set_config('row_security', 'on', true),
       pg_catalog.set_config('standard_conforming_strings', 'on', true),
       pg_catalog.set_config('bytea_output', 'hex', true),
       pg_catalog.set_config('datestyle', 'ISO, YMD', true),
       pg_catalog.set_config('intervalstyle', 'postgres', true),
       pg_catalog.set_config('timezone', 'UTC', true),
       pg_catalog.set_config('extra_float_digits', '1', true),
       pg_catalog.set_config('client_min_messages', 'warning', true),
       pg_catalog.set_config('tcp_keepalives_idle', '5', true),
       pg_catalog.set_config('tcp_keepalives_interval', '2', true),
       pg_catalog.set_config('tcp_keepalives_count', '3', true)
