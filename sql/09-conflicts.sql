-- 09: what others change in a copy is recorded by trigger, row by row; conflicts keep their base and their row.
-- A row whose edits are open differs from the source on purpose: the first open edit's old image is what the source
-- had when it was shipped last, the table holds what the row is now.
SET LOCAL ROLE sync_owner;

-- ---------------------------------------------------------------------------------------------- images

-- An image is an object column → text of the value, so that every value comes back through its type's own input: a
-- json with the escape U+0000 inside could not be read again if it lay in the image as json. Columns dropped in the
-- source are history, not part of the row. p_row: what stands for the row in the statement ("t", "$1").
CREATE FUNCTION sync_metadata.image_sql(p_table oid, p_row text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  SELECT format('json_object(ARRAY[%s], ARRAY[%s])',
                string_agg(quote_literal(a.attname), ', ' ORDER BY a.attnum),
                string_agg(format('(%s).%I::text', p_row, a.attname), ', ' ORDER BY a.attnum))
    FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped AND NOT starts_with(a.attname, '_sync_dropped_')
$$;

-- The row key as agents encode it (docs/FORMATS.md, "Row keys"); a plain primary key is bigint or text.
CREATE FUNCTION sync_metadata.row_key_sql(p_table oid, p_row text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  SELECT string_agg(format(CASE a.atttypid
                             WHEN 'bytea'::regtype THEN '(%1$s).%2$I'
                             WHEN 'bigint'::regtype THEN '''\x01''::bytea || int8send((%1$s).%2$I)'
                             ELSE '''\x03''::bytea || int4send(octet_length((%1$s).%2$I)) || convert_to((%1$s).%2$I, ''UTF8'')'
                           END, p_row, a.attname), ' || ' ORDER BY x.place)
    FROM pg_catalog.pg_constraint c
    CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS x(attnum, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = x.attnum
   WHERE c.conrelid = p_table AND c.contype = 'p'
$$;

-- ---------------------------------------------------------------------------------------------- recording

-- Runs as sync_owner, since who edits has no right to the record. Output settings are pinned: an image must not depend on
-- what the editor set. A change of the primary key is a row that went and one that came.
CREATE FUNCTION sync_metadata.record_edit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, sync_metadata, pg_temp
SET extra_float_digits = 1 SET bytea_output = 'hex' AS $$
DECLARE
  c_read CONSTANT text := format('SELECT %s, %s', sync_metadata.row_key_sql(TG_RELID, '$1'), sync_metadata.image_sql(TG_RELID, '$1'));
  c_write CONSTANT text := format('INSERT INTO %I._sync_edits (table_name, row_key, operation, old_image, new_image, edited_by)
                                   VALUES ($1, $2, $3, $4, $5, $6)', TG_TABLE_SCHEMA);
  c_role CONSTANT text := current_setting('role');
  c_by CONSTANT text := session_user || CASE WHEN c_role IN ('none', session_user) THEN '' ELSE ' as ' || c_role END;
  v_old_key bytea;
  v_new_key bytea;
  v_old json;
  v_new json;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    EXECUTE c_read INTO v_old_key, v_old USING OLD;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    EXECUTE c_read INTO v_new_key, v_new USING NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND v_old_key <> v_new_key THEN
    EXECUTE c_write USING TG_ARGV[0], v_old_key, 'delete', v_old, NULL::json, c_by;
    EXECUTE c_write USING TG_ARGV[0], v_new_key, 'insert', NULL::json, v_new, c_by;
  ELSIF v_old::text IS DISTINCT FROM v_new::text THEN
    EXECUTE c_write USING TG_ARGV[0], coalesce(v_new_key, v_old_key), lower(TG_OP), v_old, v_new, c_by;
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION sync_metadata.record_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, sync_metadata, pg_temp
SET extra_float_digits = 1 SET bytea_output = 'hex' AS $$
BEGIN
  -- An older snapshot would not show all the rows that go.
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'TRUNCATE of a client''s table must be recorded, and cannot be in a transaction that is %',
      current_setting('transaction_isolation') USING ERRCODE = 'feature_not_supported', HINT = 'use READ COMMITTED, or DELETE';
  END IF;
  EXECUTE format('INSERT INTO %1$I._sync_edits (table_name, row_key, operation, old_image, edited_by)
                  SELECT $1, %3$s, ''truncate'', %4$s, session_user FROM ONLY %1$I.%2$I t',
                 TG_TABLE_SCHEMA, TG_TABLE_NAME, sync_metadata.row_key_sql(TG_RELID, 't'), sync_metadata.image_sql(TG_RELID, 't'))
    USING TG_ARGV[0];
  RETURN NULL;
END $$;

-- Only the login of the client's own cluster writes unrecorded. The condition asks session_user, which no setting
-- changes, and costs the agent one comparison a row; ENABLE ALWAYS, so that session_replication_role silences nothing.
CREATE FUNCTION sync_metadata.watch_table(p_schema name, p_login name, p_table name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  c_source CONSTANT text := sync_metadata.source_name(p_schema, p_table);
BEGIN
  EXECUTE format('CREATE TRIGGER _sync_edit AFTER INSERT OR UPDATE OR DELETE ON %I.%I FOR EACH ROW
                  WHEN (session_user <> %L) EXECUTE FUNCTION sync_metadata.record_edit(%L)', p_schema, p_table, p_login, c_source);
  EXECUTE format('CREATE TRIGGER _sync_truncate BEFORE TRUNCATE ON %I.%I FOR EACH STATEMENT
                  WHEN (session_user <> %L) EXECUTE FUNCTION sync_metadata.record_truncate(%L)',
                 p_schema, p_table, p_login, c_source);
  EXECUTE format('ALTER TABLE %I.%I ENABLE ALWAYS TRIGGER _sync_edit, ENABLE ALWAYS TRIGGER _sync_truncate', p_schema, p_table);
END $$;

-- A table that is no part of the copy any more has nothing to decide about.
CREATE FUNCTION sync_metadata.close_edits(p_deployment uuid, p_schema name, p_source text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  EXECUTE format('UPDATE %I._sync_edits SET resolved_at = clock_timestamp() WHERE table_name = $1 AND resolved_at IS NULL', p_schema)
    USING p_source;
  UPDATE sync_metadata.conflict_log c
     SET resolved_at = clock_timestamp(), resolved_by = 'sync-node', outcome = 'source', version = c.version + 1,
         resolution_notes = concat_ws('; ', c.resolution_notes, 'the table went from the source')
   WHERE c.deployment_id = p_deployment AND c.table_name = p_source AND c.resolved_at IS NULL;
END $$;

-- As in 05, but what is put away is nobody's copy any more: what happens to it is no edit.
CREATE OR REPLACE FUNCTION sync_metadata.put_away(p_deployment uuid, p_epoch bigint, p_schema name, p_login name, p_table name,
                                                  p_kind text) RETURNS name
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_name CONSTANT name := sync_metadata.next_relation_name(
    p_schema, CASE p_kind WHEN 'replaced_table' THEN '_sync_replaced_' ELSE '_sync_dropped_' END);
  v_source CONSTANT text := sync_metadata.source_name(p_schema, p_table);
BEGIN
  PERFORM sync_metadata.archive_quarantine(p_schema, p_epoch, v_source, v_name);
  EXECUTE format('DROP TRIGGER IF EXISTS _sync_edit ON %I.%I', p_schema, p_table);
  EXECUTE format('DROP TRIGGER IF EXISTS _sync_truncate ON %I.%I', p_schema, p_table);
  EXECUTE format('ALTER TABLE %I.%I RENAME TO %I', p_schema, p_table, v_name);
  EXECUTE format('REVOKE ALL ON TABLE %I.%I FROM %I', p_schema, v_name, p_login);
  EXECUTE format('GRANT SELECT ON TABLE %I.%I TO %I', p_schema, v_name, p_login);
  UPDATE sync_metadata.retired_objects SET table_name = v_name
   WHERE deployment_id = p_deployment AND table_name = p_table AND column_name IS NOT NULL;
  IF p_kind = 'dropped_table' THEN
    PERFORM sync_metadata.close_edits(p_deployment, p_schema, v_source);
  END IF;
  INSERT INTO sync_metadata.retired_objects (deployment_id, table_name, former_name, kind)
  VALUES (p_deployment, v_name, p_table, p_kind);
  RETURN v_name;
END $$;

-- As in 05, and the table is watched from the moment it is published, in that transaction: a load pays nothing, and
-- there is no moment at which an edit goes unseen.
CREATE OR REPLACE FUNCTION sync_metadata.op_publish(p_deployment uuid, p_epoch bigint, p_schema name, p_login name, p_op jsonb)
RETURNS jsonb LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_from CONSTANT name := sync_metadata.require_load_name(p_op->>'from');
  v_to CONSTANT name := sync_metadata.require_name(p_op->>'to', 'table');
  v_replaced name;
BEGIN
  PERFORM sync_metadata.require_table(p_schema, v_from);
  IF sync_metadata.find_table(p_schema, v_to) IS NOT NULL THEN
    v_replaced := sync_metadata.put_away(p_deployment, p_epoch, p_schema, p_login, v_to, 'replaced_table');
  END IF;
  EXECUTE format('ALTER TABLE %I.%I RENAME TO %I', p_schema, v_from, v_to);
  PERFORM sync_metadata.grant_live(p_schema, v_to, p_login);
  EXECUTE format('UPDATE %I._sync_quarantine SET table_name = $2 WHERE table_name = $1', p_schema)
    USING v_from::text, sync_metadata.source_name(p_schema, v_to);
  EXECUTE format('DELETE FROM %I._sync_loads WHERE load_table = $1', p_schema) USING v_from::text;
  PERFORM sync_metadata.watch_table(p_schema, p_login, v_to);
  RETURN jsonb_build_object('op', 'publish', 'from', v_from, 'to', v_to, 'replaced', v_replaced);
END $$;

-- ---------------------------------------------------------------------------------------------- deciding

-- What a run, or a person, decided of the open edits of some rows. p_rows: an array of {"key": hex, "last": edit id, "kept": why
-- or null, "source", "target", "base": images as text or null, "conflict": id or null}. Edits up to "last" are settled. Where the
-- copy keeps something else than the source, a new open edit says so: from "source", what the source has now, to "target"; "base" is
-- what both had before, while a person has not decided. Only for rows that had open edits: nobody can make one up. The edits are
-- looked up row by row (OFFSET 0 keeps it so), however many others are open.
CREATE FUNCTION sync_metadata.settle_edits(p_deployment uuid, p_epoch bigint, p_table text, p_rows json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_client record;
  v_settled bigint;
BEGIN
  SELECT * INTO v_client FROM sync_metadata.require_client(p_deployment, p_epoch);
  EXECUTE format('
    WITH s AS (SELECT decode(r.key, ''hex'') AS row_key, r.* FROM json_to_recordset($2)
                 AS r(key text, last bigint, kept text, source text, target text, base text, conflict uuid)),
    found AS (SELECT o.edit_id FROM s CROSS JOIN LATERAL (
                SELECT e.edit_id FROM %1$I._sync_edits e WHERE e.table_name = $1 AND e.row_key = s.row_key AND e.edit_id <= s.last
                   AND e.resolved_at IS NULL OFFSET 0) o),
    settled AS (UPDATE %1$I._sync_edits e SET resolved_at = clock_timestamp()
                  FROM found f WHERE e.edit_id = f.edit_id AND e.resolved_at IS NULL
                RETURNING e.row_key),
    kept AS (INSERT INTO %1$I._sync_edits (table_name, row_key, operation, old_image, new_image, base_image, edited_by, reason, conflict_id)
             SELECT $1, s.row_key, ''decision'', s.source::json, s.target::json, s.base::json, session_user, s.kept, s.conflict
               FROM s WHERE s.kept IS NOT NULL AND s.row_key IN (SELECT d.row_key FROM settled d))
    SELECT count(DISTINCT d.row_key) FROM settled d', v_client.o_schema) INTO v_settled USING p_table, p_rows;
  RETURN v_settled;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.settle_edits(uuid, bigint, text, json) TO sync_agents;

-- As in 06, but where the copy is to have no row and the source has one, what could not be stored of the source's row stays: it is
-- still compared with what was shipped. And what could not be stored of a row that somebody else deleted before goes as well.
CREATE OR REPLACE FUNCTION sync_metadata.remove_rows_sql(p_schema name, p_target name, p_key_columns text[]) RETURNS text
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
    removed AS (SELECT k.row_key, g.row_image FROM k LEFT JOIN gone g ON g.row_key = k.row_key
                 WHERE g.row_key IS NOT NULL
                    OR EXISTS (SELECT FROM %1$I._sync_quarantine q WHERE q.table_name = $2 AND q.row_key = k.row_key)),
    entries AS (SELECT q.* FROM %1$I._sync_quarantine q JOIN removed g ON q.table_name = $2 AND q.row_key = g.row_key),
    cleared AS (DELETE FROM %1$I._sync_quarantine q USING removed g
                 WHERE q.table_name = $2 AND q.row_key = g.row_key
                   AND (g.row_image IS NULL OR NOT coalesce((SELECT (array_agg(o.old_image ORDER BY o.edit_id))[1] IS NOT NULL
                                            AND (array_agg(o.new_image ORDER BY o.edit_id DESC))[1] IS NULL
                                       FROM %1$I._sync_edits o
                                      WHERE o.table_name = $2 AND o.row_key = g.row_key AND o.resolved_at IS NULL
                                     HAVING count(*) > 0), false))),
    parts AS (SELECT e.*, sum(octet_length(e.value)) OVER (PARTITION BY e.row_key ORDER BY e.column_name, e.piece)
                          / 67108864 AS part FROM entries e),
    bundles AS (SELECT p.row_key, row_number() OVER (PARTITION BY p.row_key ORDER BY p.part) AS place,
                       json_agg(json_build_object('column', p.column_name, 'piece', p.piece, 'class', p.storage_class,
                                'value', encode(p.value, 'hex'), 'reason', p.reason)
                                ORDER BY p.column_name, p.piece) AS quarantine
                  FROM parts p GROUP BY p.row_key, p.part),
    kept AS (INSERT INTO %1$I._sync_archive (table_name, row_key, row_image, quarantine, generation, epoch)
             SELECT $2, g.row_key, CASE WHEN coalesce(b.place, 1) = 1 THEN g.row_image END, b.quarantine, $3, $4
               FROM removed g LEFT JOIN bundles b ON b.row_key = g.row_key)
    SELECT count(*) FROM gone$q$, p_schema, p_target, v_keys, v_match);
END $$;

-- An index of its own for what is open: looking for edits costs as many steps as rows are shipped, whatever was edited
-- and settled before.
CREATE FUNCTION sync_metadata.extend_client_tables(p_schema name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I._sync_edits ADD COLUMN base_image json, ADD COLUMN conflict_id uuid,
                  ADD COLUMN reason text CHECK (reason IN (''target'', ''merged'', ''waits''))', p_schema);
  EXECUTE format('CREATE INDEX _sync_edits_open ON %I._sync_edits (table_name, row_key, edit_id) WHERE resolved_at IS NULL',
                 p_schema);
END $$;

-- The seven tables of 04, and what came since.
ALTER FUNCTION sync_metadata.create_client_tables(name, name) RENAME TO create_first_client_tables;
CREATE FUNCTION sync_metadata.create_client_tables(p_schema name, p_login name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  PERFORM sync_metadata.create_first_client_tables(p_schema, p_login);
  PERFORM sync_metadata.extend_client_tables(p_schema);
END $$;

-- ---------------------------------------------------------------------------------------------- the log

ALTER TABLE sync_metadata.conflict_log
  ADD COLUMN base_data json,
  ADD COLUMN row_key bytea,
  ADD COLUMN edited_by text,
  ADD COLUMN first_source_data json,
  ADD COLUMN first_target_data json,
  ADD COLUMN resolved_login name,
  ADD COLUMN outcome text CHECK (outcome IN ('source', 'target', 'merged', 'value')),
  ADD COLUMN version bigint NOT NULL DEFAULT 1;
-- A row waits once, however often its source changes meanwhile.
CREATE UNIQUE INDEX conflict_log_open_row ON sync_metadata.conflict_log (deployment_id, table_name, row_key)
  WHERE resolved_at IS NULL AND row_key IS NOT NULL;
GRANT UPDATE (outcome, version) ON sync_metadata.conflict_log TO sync_agents;

-- What rows of conflicts that wait have become. The images are evidence: agents add them, and this is the only way they change,
-- while nobody has decided. What they were first stays in first_source_data and first_target_data.
-- p_moved: an array of {"id", "source", "target": images as text or null, "type"}; without "source" and "type": as they were.
CREATE FUNCTION sync_metadata.move_conflicts(p_deployment uuid, p_epoch bigint, p_moved json) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_moved bigint;
BEGIN
  PERFORM sync_metadata.require_client(p_deployment, p_epoch);
  UPDATE sync_metadata.conflict_log c
     SET first_source_data = CASE WHEN c.version = 1 THEN c.source_data ELSE c.first_source_data END,
         first_target_data = CASE WHEN c.version = 1 THEN c.target_data ELSE c.first_target_data END,
         source_data = CASE WHEN m.e->'type' IS NULL THEN c.source_data ELSE (m.e->>'source')::json END,
         conflict_type = coalesce(m.e->>'type', c.conflict_type), target_data = (m.e->>'target')::json, version = c.version + 1
    FROM json_array_elements(p_moved) AS m(e)
   WHERE c.conflict_id = (m.e->>'id')::uuid AND c.deployment_id = p_deployment AND c.resolved_at IS NULL;
  GET DIAGNOSTICS v_moved = ROW_COUNT;
  RETURN v_moved;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.move_conflicts(uuid, bigint, json) TO sync_agents;

-- Drops what was decided longer ago than the client's policy keeps: entries of the log and the edits they came from. Agents have no
-- DELETE; this is the way, for a client of their own cluster, under their term, and never for the last day.
CREATE FUNCTION sync_metadata.expire_conflicts(p_deployment uuid, p_epoch bigint, p_days int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_client record;
  v_before CONSTANT timestamptz := clock_timestamp() - make_interval(days => p_days);
  v_gone bigint;
BEGIN
  SELECT * INTO v_client FROM sync_metadata.require_client(p_deployment, p_epoch);
  IF p_days IS NULL OR p_days < 1 THEN
    RAISE EXCEPTION 'conflicts are kept for a day at least' USING ERRCODE = 'SN003';
  END IF;
  EXECUTE format('DELETE FROM %I._sync_edits WHERE resolved_at < $1', v_client.o_schema) USING v_before;
  DELETE FROM sync_metadata.conflict_log c WHERE c.deployment_id = p_deployment AND c.resolved_at < v_before;
  GET DIAGNOSTICS v_gone = ROW_COUNT;
  RETURN v_gone;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.expire_conflicts(uuid, bigint, int) TO sync_agents;

-- Who resolved it is what the agent says; which login proved itself is the server's word.
CREATE FUNCTION sync_metadata.sign_resolution() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  NEW.resolved_login := CASE WHEN NEW.resolved_at IS NOT NULL THEN session_user END;
  RETURN NEW;
END $$;
CREATE TRIGGER sign_resolution BEFORE INSERT OR UPDATE OF resolved_at ON sync_metadata.conflict_log
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.sign_resolution();

-- ---------------------------------------------------------------------------------------------- clients that exist

DO $$
DECLARE
  v_client record;
  v_table name;
BEGIN
  -- A schema that somebody dropped by hand is not this migration's to judge.
  FOR v_client IN SELECT d.schema_name, l.login_role FROM sync_metadata.client_deployments d
                    JOIN sync_metadata.cluster_logins l ON l.cluster_name = d.cluster_name
                   WHERE to_regclass(format('%I._sync_edits', d.schema_name)) IS NOT NULL LOOP
    PERFORM sync_metadata.extend_client_tables(v_client.schema_name);
    FOR v_table IN EXECUTE format('SELECT t.target_name FROM %I._sync_tables t WHERE t.target_name IS NOT NULL AND t.state <> ''skipped''',
                                  v_client.schema_name) LOOP
      IF sync_metadata.find_table(v_client.schema_name, v_table) IS NOT NULL THEN
        PERFORM sync_metadata.watch_table(v_client.schema_name, v_client.login_role, v_table);
      END IF;
    END LOOP;
  END LOOP;
END $$;

RESET ROLE;
