-- The plain check that comes before any work: is this term still the row's? $1 cluster, $2 leader id, $3 epoch,
-- $4 nonce. Division by zero: fenced, so that nothing sent behind it is begun. The fence itself comes last
-- (sync/shipment.cpp).
SELECT 1 / count(*) FROM sync_metadata.leader_election l
 WHERE l.cluster_name = $1 AND l.leader_id = $2 AND l.epoch = $3::bigint AND l.term_nonce = $4::uuid
