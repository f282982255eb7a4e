-- The transaction it stands in does not wait for the disk. What comes after it does, and has both there. One row of no interest
-- (sync/opening.cpp).
SELECT pg_catalog.set_config('synchronous_commit', 'off', true)
