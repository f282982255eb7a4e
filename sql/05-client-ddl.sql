-- 05: change_schema, the only DDL an agent can cause, and its operations.
-- Only change_schema is granted; the rest can be executed by members of sync_owner only.
SET LOCAL ROLE sync_owner;

-- ---------------------------------------------------------------------------------------------- checks

-- The schema and login role of a client that belongs to the caller, whose epoch is the lease's. The fence comes last,
-- right before COMMIT; this check comes first, so that a stale caller does no work.
CREATE FUNCTION sync_metadata.require_client(p_deployment uuid, p_epoch bigint, OUT o_schema name, OUT o_login name)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_epoch bigint;
BEGIN
  SELECT d.schema_name, l.login_role, e.epoch INTO o_schema, o_login, v_epoch
    FROM sync_metadata.client_deployments d
    JOIN sync_metadata.cluster_logins l ON l.cluster_name = d.cluster_name
    JOIN sync_metadata.leader_election e ON e.cluster_name = d.cluster_name
   WHERE d.deployment_id = p_deployment AND d.cluster_name = sync_metadata.caller_cluster();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no client of this login has deployment id ''%''', p_deployment
      USING ERRCODE = 'SN002', HINT = 'register the client, or use the login role of its own cluster';
  END IF;
  IF v_epoch IS DISTINCT FROM p_epoch THEN
    RAISE EXCEPTION 'fenced: epoch % is not the current one', p_epoch USING ERRCODE = 'SN001';
  END IF;
END $$;

-- Names an agent may give. "_sync_" is ours; PostgreSQL's own columns and limit are PostgreSQL's.
CREATE FUNCTION sync_metadata.require_name(p_name text, p_what text) RETURNS name
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  IF p_name IS NULL OR octet_length(p_name) NOT BETWEEN 1 AND 63 OR starts_with(p_name, '_sync_')
     OR (p_what = 'column' AND p_name IN ('tableoid', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax')) THEN
    RAISE EXCEPTION 'invalid plan: ''%'' cannot be the name of a %', coalesce(p_name, 'NULL'), p_what
      USING ERRCODE = 'SN003', HINT = 'names have 1 to 63 bytes, do not start with _sync_ and are no system column';
  END IF;
  RETURN p_name;
END $$;

CREATE FUNCTION sync_metadata.is_load_name(p_name text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  SELECT coalesce(starts_with(p_name, '_sync_load_') AND octet_length(p_name) BETWEEN 12 AND 63, false)
$$;

CREATE FUNCTION sync_metadata.require_load_name(p_name text) RETURNS name
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  IF NOT sync_metadata.is_load_name(p_name) THEN
    RAISE EXCEPTION 'invalid plan: ''%'' cannot be the name of a load table', coalesce(p_name, 'NULL')
      USING ERRCODE = 'SN003', HINT = 'load tables are named _sync_load_…, with at most 63 bytes';
  END IF;
  RETURN p_name;
END $$;

CREATE FUNCTION sync_metadata.require_type(p_type text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  IF p_type IS NULL OR p_type NOT IN ('boolean', 'bigint', 'double precision', 'numeric', 'text', 'json', 'bytea') THEN
    RAISE EXCEPTION 'invalid plan: ''%'' cannot be the type of a column', coalesce(p_type, 'NULL') USING ERRCODE = 'SN003',
      HINT = 'types are boolean, bigint, double precision, numeric, text, json, bytea';
  END IF;
  RETURN p_type;
END $$;

-- lz4 where the server was built with it: a first load of 150 MB of chat JSON took 3.3 s instead of 12 s with pglz, and
-- the table became smaller.
CREATE FUNCTION sync_metadata.column_definition(p_name name, p_type text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  SELECT format('%I %s', p_name, p_type)
         || CASE WHEN p_type IN ('text', 'json', 'bytea')
                  AND EXISTS (SELECT FROM pg_catalog.pg_settings s
                               WHERE s.name = 'default_toast_compression' AND 'lz4' = ANY (s.enumvals))
                 THEN ' COMPRESSION lz4' ELSE '' END
$$;

-- The oid of an ordinary table, NULL when nothing has that name; SN004 when something else has it.
CREATE FUNCTION sync_metadata.find_table(p_schema name, p_table text) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_oid oid;
  v_kind "char";
BEGIN
  SELECT c.oid, c.relkind INTO v_oid, v_kind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = p_schema AND c.relname = p_table;
  IF v_kind <> 'r' THEN
    RAISE EXCEPTION 'name ''%'' is taken in schema ''%'' by something that is not a table', p_table, p_schema
      USING ERRCODE = 'SN004';
  END IF;
  RETURN v_oid;
END $$;

CREATE FUNCTION sync_metadata.require_table(p_schema name, p_table text) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_oid CONSTANT oid := sync_metadata.find_table(p_schema, p_table);
BEGIN
  IF v_oid IS NULL THEN
    RAISE EXCEPTION 'invalid plan: there is no table ''%'' in schema ''%''', p_table, p_schema USING ERRCODE = 'SN003';
  END IF;
  RETURN v_oid;
END $$;

-- ---------------------------------------------------------------------------------------------- names and grants

-- The next free prefix_N among the relations of a schema.
CREATE FUNCTION sync_metadata.next_relation_name(p_schema name, p_prefix text) RETURNS name
LANGUAGE sql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  SELECT (p_prefix || coalesce(max(substr(c.relname, octet_length(p_prefix) + 1)::bigint), 0) + 1)::name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = p_schema AND starts_with(c.relname, p_prefix)
     AND substr(c.relname, octet_length(p_prefix) + 1) ~ '^[0-9]{1,9}$'
$$;

-- Cuts at a character, never inside one.
CREATE FUNCTION sync_metadata.clip_name(p_name text) RETURNS name
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  WHILE octet_length(p_name) > 63 LOOP
    p_name := left(p_name, -1);
  END LOOP;
  RETURN p_name;
END $$;

-- What a login may do with a live table: S/I/U, but for columns that were dropped in the source: those are history.
CREATE FUNCTION sync_metadata.grant_live(p_schema name, p_table name, p_login name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_columns text;
BEGIN
  EXECUTE format('REVOKE ALL ON TABLE %I.%I FROM %I', p_schema, p_table, p_login);
  SELECT string_agg(quote_ident(a.attname), ', ') FILTER (WHERE NOT starts_with(a.attname, '_sync_dropped_')) INTO v_columns
    FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = sync_metadata.require_table(p_schema, p_table) AND a.attnum > 0 AND NOT a.attisdropped
  HAVING bool_or(starts_with(a.attname, '_sync_dropped_'));
  IF v_columns IS NULL THEN
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON TABLE %I.%I TO %I', p_schema, p_table, p_login);
  ELSE
    EXECUTE format('GRANT SELECT, INSERT (%3$s), UPDATE (%3$s) ON TABLE %1$I.%2$I TO %4$I',
                   p_schema, p_table, v_columns, p_login);
  END IF;
END $$;

-- Takes a table out of the agent's hands: rename, read-only, its quarantine entries archived, listed for retention.
-- Returns the new name.
CREATE FUNCTION sync_metadata.put_away(p_deployment uuid, p_epoch bigint, p_schema name, p_login name, p_table name,
                                       p_kind text) RETURNS name
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_name CONSTANT name := sync_metadata.next_relation_name(
    p_schema, CASE p_kind WHEN 'replaced_table' THEN '_sync_replaced_' ELSE '_sync_dropped_' END);
BEGIN
  PERFORM sync_metadata.archive_quarantine(p_schema, p_epoch, sync_metadata.source_name(p_schema, p_table), v_name);
  EXECUTE format('ALTER TABLE %I.%I RENAME TO %I', p_schema, p_table, v_name);
  EXECUTE format('REVOKE ALL ON TABLE %I.%I FROM %I', p_schema, v_name, p_login);
  EXECUTE format('GRANT SELECT ON TABLE %I.%I TO %I', p_schema, v_name, p_login);
  UPDATE sync_metadata.retired_objects SET table_name = v_name
   WHERE deployment_id = p_deployment AND table_name = p_table AND column_name IS NOT NULL;
  INSERT INTO sync_metadata.retired_objects (deployment_id, table_name, former_name, kind)
  VALUES (p_deployment, v_name, p_table, p_kind);
  RETURN v_name;
END $$;

-- The source's name of a table of the copy (they differ where PostgreSQL cannot hold the source's).
CREATE FUNCTION sync_metadata.source_name(p_schema name, p_table text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_name text;
BEGIN
  EXECUTE format('SELECT t.table_name FROM %I._sync_tables t WHERE t.target_name = $1', p_schema) INTO v_name USING p_table;
  RETURN coalesce(v_name, p_table);
END $$;

-- Moves a table's quarantine entries into the archive under the name the table got. Values are cut into archive rows of
-- 64 MB, since one json cannot hold more than 1 GB.
CREATE FUNCTION sync_metadata.archive_quarantine(p_schema name, p_epoch bigint, p_source text, p_as text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  EXECUTE format($q$
    WITH gone AS (DELETE FROM %1$I._sync_quarantine q WHERE q.table_name = $1 RETURNING q.*),
    parts AS (SELECT g.*, sum(octet_length(g.value)) OVER (PARTITION BY g.row_key ORDER BY g.column_name, g.piece)
                          / 67108864 AS part FROM gone g)
    INSERT INTO %1$I._sync_archive (table_name, row_key, row_image, quarantine, generation, epoch)
    SELECT $2, p.row_key, NULL,
           json_agg(json_build_object('column', p.column_name, 'piece', p.piece, 'class', p.storage_class,
                                      'value', encode(p.value, 'hex'), 'reason', p.reason) ORDER BY p.column_name, p.piece),
           coalesce((SELECT s.generation FROM %1$I._sync_state s), 0), $3
      FROM parts p GROUP BY p.row_key, p.part$q$, p_schema) USING p_source, p_as, p_epoch;
END $$;

-- ---------------------------------------------------------------------------------------------- change_schema

CREATE FUNCTION sync_metadata.op_create_load(p_schema name, p_login name, p_op jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_table CONSTANT name := sync_metadata.require_load_name(p_op->>'table');
  v_columns text;
  v_count bigint;
  v_distinct bigint;
BEGIN
  IF sync_metadata.find_table(p_schema, v_table) IS NOT NULL THEN
    RAISE EXCEPTION 'load table ''%'' exists already', v_table USING ERRCODE = 'SN004', HINT = 'discard it first';
  END IF;
  IF jsonb_typeof(p_op->'columns') IS DISTINCT FROM 'array' OR p_op->'columns' = '[]' THEN
    RAISE EXCEPTION 'invalid plan: table ''%'' has no columns', v_table USING ERRCODE = 'SN003';
  END IF;
  SELECT string_agg(sync_metadata.column_definition(c.name, c.type), ', ' ORDER BY c.place), count(*), count(DISTINCT c.name)
    INTO v_columns, v_count, v_distinct
    FROM (SELECT CASE WHEN e->>'name' = '_sync_key' AND e->>'type' = 'bytea' THEN name '_sync_key'
                      ELSE sync_metadata.require_name(e->>'name', 'column') END AS name,
                 sync_metadata.require_type(e->>'type') AS type, place
            FROM jsonb_array_elements(p_op->'columns') WITH ORDINALITY AS x(e, place)) c;
  IF v_distinct < v_count THEN
    RAISE EXCEPTION 'invalid plan: table ''%'' names a column twice', v_table USING ERRCODE = 'SN003';
  END IF;
  EXECUTE format('CREATE TABLE %I.%I (%s)', p_schema, v_table, v_columns);
  PERFORM sync_metadata.grant_live(p_schema, v_table, p_login);
  RETURN jsonb_build_object('op', 'create_load', 'table', v_table);
END $$;

CREATE FUNCTION sync_metadata.op_add_column(p_schema name, p_login name, p_op jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_table CONSTANT name := CASE WHEN sync_metadata.is_load_name(p_op->>'table') THEN (p_op->>'table')::name
                                ELSE sync_metadata.require_name(p_op->>'table', 'table') END;
  v_name CONSTANT name := sync_metadata.require_name(p_op->>'name', 'column');
  v_type CONSTANT text := sync_metadata.require_type(p_op->>'type');
  v_oid CONSTANT oid := sync_metadata.require_table(p_schema, v_table);
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = v_oid AND a.attname = v_name AND NOT a.attisdropped) THEN
    RAISE EXCEPTION 'table ''%'' has a column ''%'' already', v_table, v_name USING ERRCODE = 'SN004';
  END IF;
  EXECUTE format('ALTER TABLE %I.%I ADD COLUMN %s', p_schema, v_table, sync_metadata.column_definition(v_name, v_type));
  PERFORM sync_metadata.grant_live(p_schema, v_table, p_login);
  RETURN jsonb_build_object('op', 'add_column', 'table', v_table, 'name', v_name);
END $$;

-- The column keeps its data under another name; the agent can read it, no longer write it.
CREATE FUNCTION sync_metadata.op_drop_column(p_deployment uuid, p_schema name, p_login name, p_op jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_table CONSTANT name := sync_metadata.require_name(p_op->>'table', 'table');
  v_name CONSTANT name := sync_metadata.require_name(p_op->>'name', 'column');
  v_oid CONSTANT oid := sync_metadata.require_table(p_schema, v_table);
  v_column int;
  v_next bigint;
  v_new name;
BEGIN
  SELECT a.attnum INTO v_column FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = v_oid AND a.attname = v_name AND a.attnum > 0 AND NOT a.attisdropped;
  IF v_column IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_constraint c
                                  WHERE c.conrelid = v_oid AND c.contype = 'p' AND v_column = ANY (c.conkey)) THEN
    RAISE EXCEPTION 'invalid plan: table ''%'' has no column ''%'' outside its primary key', v_table, v_name
      USING ERRCODE = 'SN003', HINT = 'a table whose key changed is loaded anew';
  END IF;
  SELECT coalesce(max(substring(a.attname FROM '^_sync_dropped_([0-9]{1,9})_')::bigint), 0) + 1 INTO v_next
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = v_oid AND NOT a.attisdropped;
  v_new := sync_metadata.clip_name('_sync_dropped_' || v_next || '_' || v_name);
  EXECUTE format('ALTER TABLE %I.%I RENAME COLUMN %I TO %I', p_schema, v_table, v_name, v_new);
  PERFORM sync_metadata.grant_live(p_schema, v_table, p_login);
  INSERT INTO sync_metadata.retired_objects (deployment_id, table_name, column_name, former_name, kind)
  VALUES (p_deployment, v_table, v_new, v_name, 'dropped_column');
  RETURN jsonb_build_object('op', 'drop_column', 'table', v_table, 'name', v_name, 'renamed', v_new);
END $$;

-- The constraint's name is a number of its own: index names share one space with tables, and must survive renames.
CREATE FUNCTION sync_metadata.op_primary_key(p_schema name, p_op jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_table CONSTANT name := CASE WHEN sync_metadata.is_load_name(p_op->>'table') THEN (p_op->>'table')::name
                                ELSE sync_metadata.require_name(p_op->>'table', 'table') END;
  v_oid CONSTANT oid := sync_metadata.require_table(p_schema, v_table);
  v_name CONSTANT name := sync_metadata.next_relation_name(p_schema, '_sync_pk_');
  v_columns text;
  v_missing text;
BEGIN
  IF jsonb_typeof(p_op->'columns') = 'array' THEN
    SELECT string_agg(quote_ident(x.name), ', ' ORDER BY x.place), min(x.name) FILTER (WHERE a.attname IS NULL)
      INTO v_columns, v_missing
      FROM jsonb_array_elements_text(p_op->'columns') WITH ORDINALITY AS x(name, place)
      LEFT JOIN pg_catalog.pg_attribute a
        ON a.attrelid = v_oid AND a.attname = x.name AND a.attnum > 0 AND NOT a.attisdropped;
  END IF;
  IF v_columns IS NULL OR v_missing IS NOT NULL
     OR EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.conrelid = v_oid AND c.contype = 'p') THEN
    RAISE EXCEPTION 'invalid plan: no primary key (%) can be added to table ''%''', coalesce(v_columns, ''), v_table
      USING ERRCODE = 'SN003', HINT = coalesce('there is no column ''' || v_missing || '''', 'it has one, or no columns are named');
  END IF;
  EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT %I PRIMARY KEY (%s)', p_schema, v_table, v_name, v_columns);
  RETURN jsonb_build_object('op', 'primary_key', 'table', v_table, 'constraint', v_name);
END $$;

-- The load takes the table's name; quarantine entries written under the load's name become the table's. What stood
-- there before is put away, so an empty or wrong load destroys nothing.
CREATE FUNCTION sync_metadata.op_publish(p_deployment uuid, p_epoch bigint, p_schema name, p_login name, p_op jsonb)
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
  RETURN jsonb_build_object('op', 'publish', 'from', v_from, 'to', v_to, 'replaced', v_replaced);
END $$;

CREATE FUNCTION sync_metadata.op_discard_load(p_schema name, p_op jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_table CONSTANT name := sync_metadata.require_load_name(p_op->>'table');
BEGIN
  PERFORM sync_metadata.require_table(p_schema, v_table);
  EXECUTE format('DROP TABLE %I.%I', p_schema, v_table);
  EXECUTE format('DELETE FROM %I._sync_loads WHERE load_table = $1', p_schema) USING v_table::text;
  EXECUTE format('DELETE FROM %I._sync_quarantine WHERE table_name = $1', p_schema) USING v_table::text;
  RETURN jsonb_build_object('op', 'discard_load', 'table', v_table);
END $$;

CREATE FUNCTION sync_metadata.change_schema(p_deployment uuid, p_epoch bigint, p_ops jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_client record;
  v_op jsonb;
  v_done jsonb := '[]';
BEGIN
  SELECT * INTO v_client FROM sync_metadata.require_client(p_deployment, p_epoch);
  IF jsonb_typeof(p_ops) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'invalid plan: the operations are not an array' USING ERRCODE = 'SN003';
  END IF;
  FOR v_op IN SELECT e FROM jsonb_array_elements(p_ops) AS x(e) LOOP
    CASE v_op->>'op'
      WHEN 'create_load' THEN
        v_done := v_done || sync_metadata.op_create_load(v_client.o_schema, v_client.o_login, v_op);
      WHEN 'add_column' THEN
        v_done := v_done || sync_metadata.op_add_column(v_client.o_schema, v_client.o_login, v_op);
      WHEN 'drop_column' THEN
        v_done := v_done || sync_metadata.op_drop_column(p_deployment, v_client.o_schema, v_client.o_login, v_op);
      WHEN 'primary_key' THEN
        v_done := v_done || sync_metadata.op_primary_key(v_client.o_schema, v_op);
      WHEN 'publish' THEN
        v_done := v_done || sync_metadata.op_publish(p_deployment, p_epoch, v_client.o_schema, v_client.o_login, v_op);
      WHEN 'retire' THEN
        PERFORM sync_metadata.require_name(v_op->>'table', 'table');
        PERFORM sync_metadata.require_table(v_client.o_schema, v_op->>'table');
        v_done := v_done || jsonb_build_object('op', 'retire', 'table', v_op->>'table', 'renamed',
          sync_metadata.put_away(p_deployment, p_epoch, v_client.o_schema, v_client.o_login, (v_op->>'table')::name,
                                 'dropped_table'));
      WHEN 'discard_load' THEN
        v_done := v_done || sync_metadata.op_discard_load(v_client.o_schema, v_op);
      ELSE
        RAISE EXCEPTION 'invalid plan: there is no operation ''%''', coalesce(v_op->>'op', 'NULL') USING ERRCODE = 'SN003';
    END CASE;
  END LOOP;
  RETURN v_done;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.change_schema(uuid, bigint, jsonb) TO sync_agents;

RESET ROLE;
