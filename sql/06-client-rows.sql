-- 06: what an agent does with rows beyond SELECT, INSERT and UPDATE; the fence; what a person decides.
-- p_table is always the source's name of a table (_sync_tables.table_name), as in _sync_quarantine and _sync_archive.
SET LOCAL ROLE sync_owner;

-- The last statement before every COMMIT that writes a client's rows. The row lock makes a takeover wait for this
-- transaction, or this transaction lose; a check without the lock would be no fence. SECURITY INVOKER: row security
-- hides every other cluster's row, and the lock is the caller's own.
CREATE FUNCTION sync_metadata.fence(p_cluster text, p_leader_id text, p_epoch bigint, p_nonce uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  PERFORM FROM sync_metadata.leader_election l
    WHERE l.cluster_name = p_cluster AND l.leader_id = p_leader_id AND l.epoch = p_epoch AND l.term_nonce = p_nonce
    FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'fenced: epoch % of ''%'' is not the current term of cluster ''%''', p_epoch, p_leader_id, p_cluster
      USING ERRCODE = 'SN001';
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.fence(text, text, bigint, uuid) TO sync_agents;

-- The statement of remove_rows for one table: the keys join the table on its whole primary key, typed, so that the
-- index serves; what goes into the archive is what DELETE returned (t.*: a bare t could be a column of that name). Archive rows are cut at 64 MB of quarantined values.
CREATE FUNCTION sync_metadata.remove_rows_sql(p_schema name, p_target name, p_key_columns text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_oid CONSTANT oid := sync_metadata.require_table(p_schema, sync_metadata.require_name(p_target, 'table'));
  v_keys text;
  v_match text;
  v_count bigint;
BEGIN
  SELECT string_agg(format(CASE a.atttypid WHEN 'bytea'::regtype THEN 'decode(e->>%s, ''hex'') AS k%s'
                                           ELSE '(e->>%s)::' || format_type(a.atttypid, NULL) || ' AS k%s' END,
                           x.place, x.place), ', '),
         string_agg(format('t.%I = k.k%s', a.attname, x.place), ' AND '), count(*)
    INTO v_keys, v_match, v_count
    FROM unnest(p_key_columns) WITH ORDINALITY AS x(name, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = v_oid AND a.attname = x.name
    JOIN pg_catalog.pg_constraint c ON c.conrelid = v_oid AND c.contype = 'p' AND a.attnum = ANY (c.conkey)
   HAVING count(DISTINCT a.attnum) = count(*) AND count(*) = cardinality(p_key_columns)
      AND count(*) = max(cardinality(c.conkey));
  IF v_keys IS NULL THEN
    RAISE EXCEPTION 'invalid plan: (%) is not the primary key of table ''%''', array_to_string(p_key_columns, ', '), p_target
      USING ERRCODE = 'SN003';
  END IF;
  RETURN format($q$
    WITH k AS MATERIALIZED (SELECT decode(e->>0, 'hex') AS row_key, %3$s
                              FROM jsonb_array_elements($1) AS x(e)),
    gone AS (DELETE FROM %1$I.%2$I t USING k WHERE %4$s RETURNING k.row_key, row_to_json(t.*) AS row_image),
    entries AS (DELETE FROM %1$I._sync_quarantine q USING gone g
                 WHERE q.table_name = $2 AND q.row_key = g.row_key RETURNING q.*),
    parts AS (SELECT e.*, sum(octet_length(e.value)) OVER (PARTITION BY e.row_key ORDER BY e.column_name, e.piece)
                          / 67108864 AS part FROM entries e),
    bundles AS (SELECT p.row_key, row_number() OVER (PARTITION BY p.row_key ORDER BY p.part) AS place,
                       json_agg(json_build_object('column', p.column_name, 'piece', p.piece, 'class', p.storage_class,
                                'value', encode(p.value, 'hex'), 'reason', p.reason)
                                ORDER BY p.column_name, p.piece) AS quarantine
                  FROM parts p GROUP BY p.row_key, p.part),
    kept AS (INSERT INTO %1$I._sync_archive (table_name, row_key, row_image, quarantine, generation, epoch)
             SELECT $2, g.row_key, CASE WHEN coalesce(b.place, 1) = 1 THEN g.row_image END, b.quarantine, $3, $4
               FROM gone g LEFT JOIN bundles b ON b.row_key = g.row_key)
    SELECT count(*) FROM gone$q$, p_schema, p_target, v_keys, v_match);
END $$;

-- extra_float_digits and bytea_output are pinned: the archived image must not depend on what the caller set.
CREATE FUNCTION sync_metadata.remove_rows(p_deployment uuid, p_epoch bigint, p_generation bigint, p_table text,
                                          p_key_columns text[], p_keys jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp
SET extra_float_digits = 1 SET bytea_output = 'hex' AS $$
DECLARE
  v_client record;
  v_target name;
  v_removed bigint;
BEGIN
  SELECT * INTO v_client FROM sync_metadata.require_client(p_deployment, p_epoch);
  EXECUTE format('SELECT t.target_name FROM %I._sync_tables t WHERE t.table_name = $1', v_client.o_schema)
    INTO v_target USING p_table;
  IF v_target IS NULL OR p_generation IS NULL OR jsonb_typeof(p_keys) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'invalid plan: rows of ''%'' cannot be removed', p_table USING ERRCODE = 'SN003',
      HINT = 'the table stands in _sync_tables, there is a generation, and the keys are an array of arrays';
  END IF;
  EXECUTE sync_metadata.remove_rows_sql(v_client.o_schema, v_target, p_key_columns)
    INTO v_removed USING p_keys, p_table, p_generation, p_epoch;
  RETURN v_removed;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.remove_rows(uuid, bigint, bigint, text, text[], jsonb) TO sync_agents;

CREATE FUNCTION sync_metadata.clear_quarantine(p_deployment uuid, p_epoch bigint, p_table text, p_keys bytea[])
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_client record;
  v_removed bigint;
BEGIN
  SELECT * INTO v_client FROM sync_metadata.require_client(p_deployment, p_epoch);
  EXECUTE format('DELETE FROM %I._sync_quarantine q USING (SELECT DISTINCT unnest($2) AS row_key) k
                   WHERE q.table_name = $1 AND q.row_key = k.row_key', v_client.o_schema) USING p_table, p_keys;
  GET DIAGNOSTICS v_removed = ROW_COUNT;
  RETURN v_removed;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.clear_quarantine(uuid, bigint, text, bytea[]) TO sync_agents;

CREATE FUNCTION sync_metadata.unkeep_rows(p_deployment uuid, p_epoch bigint, p_table text, p_keys bytea[])
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_client record;
  v_removed bigint;
BEGIN
  SELECT * INTO v_client FROM sync_metadata.require_client(p_deployment, p_epoch);
  EXECUTE format('DELETE FROM %I._sync_kept q USING (SELECT DISTINCT unnest($2) AS row_key) k
                   WHERE q.table_name = $1 AND q.row_key = k.row_key', v_client.o_schema) USING p_table, p_keys;
  GET DIAGNOSTICS v_removed = ROW_COUNT;
  RETURN v_removed;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.unkeep_rows(uuid, bigint, text, bytea[]) TO sync_agents;

-- No epoch: a person decides, whoever leads. An admin may decide for every cluster, a login role for its own.
CREATE FUNCTION sync_metadata.decide_held(p_held uuid, p_decision text, p_by text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_status text;
BEGIN
  SELECT h.status INTO v_status
    FROM sync_metadata.held_changes h JOIN sync_metadata.client_deployments d ON d.deployment_id = h.deployment_id
   WHERE h.held_id = p_held
     AND (d.cluster_name = sync_metadata.caller_cluster() OR pg_has_role(session_user, 'sync_owner', 'MEMBER'))
     FOR UPDATE OF h;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no held change of this login has id ''%''', p_held USING ERRCODE = 'SN002';
  END IF;
  IF p_decision IS NULL OR p_decision NOT IN ('released', 'rejected') OR coalesce(btrim(p_by), '') = '' THEN
    RAISE EXCEPTION 'invalid decision ''%'' by ''%''', coalesce(p_decision, 'NULL'), coalesce(p_by, 'NULL')
      USING ERRCODE = 'SN003', HINT = 'decide ''released'' or ''rejected'', and say who decides';
  END IF;
  IF v_status <> 'waiting' THEN
    RAISE EXCEPTION 'held change ''%'' is ''%'', not waiting', p_held, v_status USING ERRCODE = 'SN003';
  END IF;
  UPDATE sync_metadata.held_changes
     SET status = p_decision, decided_by = p_by, decided_login = session_user, decided_at = clock_timestamp()
   WHERE held_id = p_held;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.decide_held(uuid, text, text) TO sync_agents;

RESET ROLE;
