-- A person's decision. $1 conflict, $2 outcome, $3 row it came to (json, NULL: none), $4 by whom, $5 notes, $6 version that was
-- decided about. One row affected, or it moved or was resolved meanwhile (sync/resolution.cpp).
UPDATE sync_metadata.conflict_log
   SET outcome = $2, resolved_data = $3::json, resolved_at = clock_timestamp(), resolved_by = $4,
       resolution_notes = concat_ws('; ', resolution_notes, $5::text), version = version + 1
 WHERE conflict_id = $1::uuid AND resolved_at IS NULL AND version = $6::bigint
