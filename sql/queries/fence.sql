-- The last statement before every COMMIT of data: raises SN001 unless this very term is the current one, and keeps a
-- takeover waiting until the transaction ends. $1 cluster, $2 leader id, $3 epoch, $4 nonce. One empty column.
-- postgres/fence.cpp. READ COMMITTED only: under REPEATABLE READ a mere renewal would fail it with 40001.
SELECT sync_metadata.fence($1, $2, $3::bigint, $4::uuid)
