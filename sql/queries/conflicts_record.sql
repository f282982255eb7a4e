-- Conflicts as they are found; one that waits already learns what its row is now. $1 deployment, $2 job, $3 who resolves,
-- $4 table, $5 conflicts (json array of {id, key, record, type, base, source, target, strategy, resolved, outcome, result, notes, editors}).
-- Column: new ones (sync/settlement_page.cpp).
WITH found AS (
  SELECT c.* FROM json_to_recordset($5::json) AS c(id uuid, key text, record text, type text, base text, source text, target text,
                                                   strategy text, resolved boolean, outcome text, result text, notes text,
                                                   editors text)),
moved AS (
  UPDATE sync_metadata.conflict_log l
     SET version = l.version + 1, resolution_strategy = c.strategy, resolved_data = c.result::json, outcome = c.outcome, resolution_notes = c.notes,
         resolved_at = CASE WHEN c.resolved THEN clock_timestamp() END, resolved_by = CASE WHEN c.resolved THEN $3 END
    FROM found c WHERE l.conflict_id = c.id AND l.resolved_at IS NULL),
made AS (
  INSERT INTO sync_metadata.conflict_log
         (conflict_id, deployment_id, client_name, table_name, record_id, row_key, conflict_type, base_data, source_data,
          target_data, resolution_strategy, resolved_data, outcome, resolved_at, resolved_by, resolution_notes, job_id, edited_by)
  SELECT c.id, $1::uuid, '', $4, c.record, decode(c.key, 'hex'), c.type, c.base::json, c.source::json, c.target::json,
         c.strategy, c.result::json, c.outcome, CASE WHEN c.resolved THEN clock_timestamp() END, CASE WHEN c.resolved THEN $3 END,
         c.notes, $2::uuid, c.editors
    FROM found c
   WHERE NOT EXISTS (SELECT FROM sync_metadata.conflict_log l WHERE l.conflict_id = c.id)
  RETURNING 1)
SELECT count(*) FROM made
