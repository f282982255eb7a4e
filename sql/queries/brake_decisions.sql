-- What operators decided about this client's held deletes and is not done yet. {schema}. $1 client name. Columns: held id,
-- table, kind, status (waiting, released, or rejected and not yet kept) (sync/brake.cpp).
SELECT h.held_id, h.table_name, h.kind, h.status
  FROM sync_metadata.held_changes h
 WHERE h.deployment_id = (SELECT d.deployment_id FROM sync_metadata.client_deployments d
                           WHERE d.client_name = $1::text AND d.deregistered_at IS NULL)
   AND (h.status IN ('waiting', 'released')
        OR h.status = 'rejected' AND NOT EXISTS (SELECT FROM {schema}._sync_kept k WHERE k.reason = h.held_id::text))
 ORDER BY h.first_seen_at
