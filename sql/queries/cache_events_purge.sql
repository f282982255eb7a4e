-- Drops this cluster's cache events that are older than $1 seconds (at least 3600). Column: how many. Called by the leader
-- now and then.
SELECT sync_metadata.purge_cache_events(make_interval(secs => $1::bigint))
