-- A held change that needs no decision any more: $2 'applied' or 'withdrawn'. $1 held id (sync/brake.cpp).
UPDATE sync_metadata.held_changes SET status = $2, last_seen_at = clock_timestamp() WHERE held_id = $1::uuid
