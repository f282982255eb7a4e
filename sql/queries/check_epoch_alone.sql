-- As check_epoch, and alone: no other shipment of this client, and no person's decision, until the transaction ends.
-- $1 cluster, $2 leader id, $3 epoch, $4 nonce, $5 deployment, $6 whether to wait for it. Columns: 1; true, or false: somebody is
-- at it. Division by zero: fenced (sync/shipment.cpp).
SELECT 1 / count(*),
       bool_and(CASE WHEN $6::boolean THEN pg_advisory_xact_lock(hashtextextended($5, 7310)) IS NOT NULL
                     ELSE pg_try_advisory_xact_lock(hashtextextended($5, 7310)) END)
  FROM sync_metadata.leader_election l
 WHERE l.cluster_name = $1 AND l.leader_id = $2 AND l.epoch = $3::bigint AND l.term_nonce = $4::uuid
