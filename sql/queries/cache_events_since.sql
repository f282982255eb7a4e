-- Which keys were changed by transactions that were not over at a position, and the position of now.
-- $1 cluster name, $2 position of the last call (NULL: none yet, no keys). Columns: position, key. Always at least one row,
-- with a NULL key when nothing changed; a key may come twice in a row of calls (state/cache_feed.cpp).
SELECT pg_snapshot_xmin(p.now)::text, e.cache_key
  FROM (SELECT pg_current_snapshot() AS now) p
  LEFT JOIN (SELECT DISTINCT c.cache_key FROM sync_metadata.cache_events c
              WHERE c.cluster_name = $1::text AND c.xact >= $2::text::xid8) e ON true
