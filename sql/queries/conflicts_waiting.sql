-- How many conflicts of a client wait for a person, and how many were found in the last hour. $1 deployment (sync/shipment.cpp).
SELECT count(*) FILTER (WHERE c.resolved_at IS NULL),
       count(*) FILTER (WHERE c.detected_at > clock_timestamp() - interval '1 hour')
  FROM sync_metadata.conflict_log c
 WHERE c.deployment_id = $1::uuid AND (c.resolved_at IS NULL OR c.detected_at > clock_timestamp() - interval '1 hour')
