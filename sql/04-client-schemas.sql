-- 04: clusters, clients, the tables of a client's schema, and retention.
-- Registration and retention are the admin's: SECURITY INVOKER, executable by members of sync_owner only.
SET LOCAL ROLE sync_owner;

-- ---------------------------------------------------------------------------------------------- a client's own tables

-- The position of the copy: never goes back, never runs ahead of the lease, moves one generation at a time. The epoch
-- is checked against the lease so that no credential can write one that would shut its owner out.
CREATE FUNCTION sync_metadata.guard_sync_state() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_epoch bigint;
  v_started boolean;
BEGIN
  SELECT e.epoch INTO v_epoch
    FROM sync_metadata.client_deployments d JOIN sync_metadata.leader_election e ON e.cluster_name = d.cluster_name
   WHERE d.schema_name = TG_TABLE_SCHEMA;
  IF NEW.epoch IS DISTINCT FROM v_epoch OR (TG_OP = 'UPDATE' AND NEW.epoch < OLD.epoch) THEN
    RAISE EXCEPTION 'fenced: epoch % is not the current one', NEW.epoch USING ERRCODE = 'SN001';
  END IF;
  -- An upsert passes here twice, as an insert first.
  EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO v_started;
  IF NEW.generation < 0 OR (NOT v_started AND NEW.generation > 1)
     OR (TG_OP = 'UPDATE' AND NEW.generation - OLD.generation NOT IN (0, 1)) THEN
    RAISE EXCEPTION 'invalid plan: generation % does not follow', NEW.generation USING ERRCODE = 'SN003';
  END IF;
  RETURN NEW;
END $$;

-- SECURITY DEFINER so that sync_owner owns what it creates; the grants are the login role's alone.
CREATE FUNCTION sync_metadata.create_client_tables(p_schema name, p_login name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  c_tables CONSTANT text := $ddl$
    CREATE TABLE %1$I._sync_state (
      singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
      generation bigint NOT NULL, epoch bigint NOT NULL, sync_id uuid NOT NULL,
      source_identity text, source_journal_mode text, source_schema json,
      shipped_at timestamptz NOT NULL DEFAULT clock_timestamp());
    CREATE TRIGGER guard_sync_state BEFORE INSERT OR UPDATE ON %1$I._sync_state
      FOR EACH ROW EXECUTE FUNCTION sync_metadata.guard_sync_state();
    CREATE TABLE %1$I._sync_tables (
      table_name text PRIMARY KEY, target_name text UNIQUE,
      key_kind text CHECK (key_kind IN ('plain', 'encoded', 'multiset')), key_columns text[], columns json,
      state text NOT NULL CHECK (state IN ('present', 'vanished', 'skipped')), reason text,
      next_column_id int NOT NULL DEFAULT 1, quarantined bigint NOT NULL DEFAULT 0);
    CREATE TABLE %1$I._sync_loads (
      load_table text PRIMARY KEY, table_name text NOT NULL, load_id uuid NOT NULL,
      chunks bigint NOT NULL DEFAULT 0, rows bigint NOT NULL DEFAULT 0, last_position bigint,
      complete boolean NOT NULL DEFAULT false, updated_at timestamptz NOT NULL DEFAULT clock_timestamp());
    CREATE TABLE %1$I._sync_quarantine (
      table_name text, row_key bytea, column_name text, piece int, storage_class text NOT NULL, value bytea,
      reason text NOT NULL, created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (table_name, row_key, column_name, piece));
    CREATE TABLE %1$I._sync_archive (
      archive_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, table_name text NOT NULL, row_key bytea NOT NULL,
      row_image json, quarantine json, generation bigint NOT NULL, epoch bigint NOT NULL,
      removed_at timestamptz NOT NULL DEFAULT clock_timestamp());
    CREATE TABLE %1$I._sync_edits (
      edit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, table_name text NOT NULL, row_key bytea,
      operation text NOT NULL, old_image json, new_image json, edited_by text NOT NULL DEFAULT session_user,
      edited_at timestamptz NOT NULL DEFAULT clock_timestamp(), resolved_at timestamptz);
    CREATE TABLE %1$I._sync_kept (
      table_name text, row_key bytea, reason text NOT NULL, kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (table_name, row_key));
    GRANT SELECT ON %1$I._sync_archive, %1$I._sync_edits TO %2$I;
    GRANT SELECT, INSERT, UPDATE
      ON %1$I._sync_state, %1$I._sync_tables, %1$I._sync_loads, %1$I._sync_quarantine, %1$I._sync_kept TO %2$I;
    GRANT USAGE ON SCHEMA %1$I TO %2$I;
  $ddl$;
BEGIN
  EXECUTE format(c_tables, p_schema, p_login);
END $$;

-- ---------------------------------------------------------------------------------------------- registration

-- A login role is one cluster's, a member of sync_agents, and nothing else in the server: a role that could become
-- another one would carry the other's rights into every check made here.
CREATE FUNCTION sync_metadata.require_login(p_login text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_role record;
BEGIN
  SELECT r.* INTO v_role FROM pg_catalog.pg_roles r WHERE r.rolname = p_login;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no role ''%''', p_login
      USING ERRCODE = 'SN003', HINT = format('CREATE ROLE %I LOGIN INHERIT; then register again', p_login);
  END IF;
  IF NOT v_role.rolcanlogin OR NOT v_role.rolinherit OR v_role.rolsuper OR v_role.rolcreaterole OR v_role.rolcreatedb
     OR v_role.rolreplication OR v_role.rolbypassrls
     OR EXISTS (SELECT FROM pg_catalog.pg_auth_members m
                 WHERE m.member = v_role.oid AND m.roleid <> 'sync_agents'::regrole)
     OR EXISTS (SELECT FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.member
                 WHERE m.roleid = v_role.oid AND NOT r.rolcreaterole AND NOT r.rolsuper) THEN
    RAISE EXCEPTION 'role ''%'' cannot be the login of a cluster', p_login USING ERRCODE = 'SN003',
      HINT = 'it needs LOGIN and INHERIT, no other attribute, and no membership but sync_agents, either way';
  END IF;
END $$;

CREATE FUNCTION sync_metadata.register_cluster(p_cluster text, p_login text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_taken record;
BEGIN
  SELECT l.cluster_name, l.login_role INTO v_taken FROM sync_metadata.cluster_logins l
   WHERE (l.cluster_name = p_cluster) <> (l.login_role = p_login::name) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'cluster ''%'' belongs to login ''%''', v_taken.cluster_name, v_taken.login_role
      USING ERRCODE = 'SN004', HINT = 'each cluster has one login role, and each login role one cluster';
  END IF;
  PERFORM sync_metadata.require_login(p_login);
  EXECUTE format('GRANT sync_agents TO %I', p_login);
  INSERT INTO sync_metadata.cluster_logins (cluster_name, login_role) VALUES (p_cluster, p_login) ON CONFLICT DO NOTHING;
  INSERT INTO sync_metadata.leader_election (cluster_name) VALUES (p_cluster) ON CONFLICT DO NOTHING;
END $$;

-- "client_" and the name in lower case, everything outside [a-z0-9_] as "_".
CREATE FUNCTION sync_metadata.client_schema_name(p_client_name text) RETURNS name
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_name CONSTANT text := 'client_' || regexp_replace(lower(p_client_name COLLATE "C"), '[^a-z0-9_]', '_', 'g');
BEGIN
  IF p_client_name IS NULL OR p_client_name !~ '[[:alnum:]]' OR p_client_name <> btrim(p_client_name)
     OR p_client_name ~ '[[:cntrl:]/]' OR octet_length(v_name) > 63 THEN
    RAISE EXCEPTION 'invalid client name ''%''', coalesce(p_client_name, 'NULL') USING ERRCODE = 'SN003',
      HINT = 'at most 56 characters, with a letter or digit, without "/", control characters or blanks at its ends';
  END IF;
  RETURN v_name;
END $$;

-- sync_enabled stays false: registering starts nothing.
CREATE FUNCTION sync_metadata.register_client(p_cluster text, p_client_name text, p_container_name text,
                                              p_sqlite_path text, p_interval int, p_config jsonb) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_schema CONSTANT name := sync_metadata.client_schema_name(p_client_name);
  v_login name;
  v_taken record;
  v_deployment uuid;
BEGIN
  SELECT l.login_role INTO v_login FROM sync_metadata.cluster_logins l WHERE l.cluster_name = p_cluster;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no cluster ''%''', p_cluster USING ERRCODE = 'SN002', HINT = 'register the cluster first';
  END IF;
  SELECT d.client_name, d.cluster_name INTO v_taken FROM sync_metadata.client_deployments d WHERE d.schema_name = v_schema;
  IF FOUND THEN
    RAISE EXCEPTION 'schema ''%'' belongs to client ''%'' of cluster ''%''', v_schema, v_taken.client_name, v_taken.cluster_name
      USING ERRCODE = 'SN004', HINT = 'client names that differ only in case or punctuation share a schema: choose another name';
  ELSIF to_regnamespace(quote_ident(v_schema)) IS NOT NULL THEN
    RAISE EXCEPTION 'schema ''%'' exists and is no client''s', v_schema
      USING ERRCODE = 'SN004', HINT = 'rename or drop it, or choose another client name';
  END IF;
  SELECT d.client_name INTO v_taken FROM sync_metadata.client_deployments d
   WHERE d.cluster_name = p_cluster AND d.container_name = nullif(p_container_name, '');
  IF FOUND THEN
    RAISE EXCEPTION 'container ''%'' belongs to client ''%''', p_container_name, v_taken.client_name USING ERRCODE = 'SN004';
  END IF;
  INSERT INTO sync_metadata.client_deployments
    (cluster_name, client_name, schema_name, container_name, sqlite_path, sync_interval, config)
  VALUES (p_cluster, p_client_name, v_schema, nullif(p_container_name, ''), nullif(p_sqlite_path, ''),
          coalesce(p_interval, 300), coalesce(p_config, '{}'))
  RETURNING deployment_id INTO v_deployment;
  EXECUTE format('CREATE SCHEMA %I AUTHORIZATION sync_owner', v_schema);
  PERFORM sync_metadata.create_client_tables(v_schema, v_login);
  RETURN v_deployment;
END $$;

-- ---------------------------------------------------------------------------------------------- retention

CREATE FUNCTION sync_metadata.require_age(p_older_than interval) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  IF p_older_than IS NULL OR p_older_than < interval '0' THEN
    RAISE EXCEPTION 'invalid age ''%''', coalesce(p_older_than::text, 'NULL') USING ERRCODE = 'SN003';
  END IF;
  RETURN clock_timestamp() - p_older_than;
END $$;

-- Deletes finished history. What still waits for somebody (open conflicts, held changes, unresolved edits) stays,
-- and so does each client's last job.
CREATE FUNCTION sync_metadata.purge_history(p_older_than interval) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_before CONSTANT timestamptz := sync_metadata.require_age(p_older_than);
  v_schema name;
  v_count bigint;
  v_archive bigint := 0;
  v_edits bigint := 0;
  v_done jsonb := '{}';
BEGIN
  DELETE FROM sync_metadata.conflict_log WHERE resolved_at < v_before;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_done := v_done || jsonb_build_object('conflict_log', v_count);
  DELETE FROM sync_metadata.sync_jobs j
   WHERE j.completed_at < v_before
     AND EXISTS (SELECT FROM sync_metadata.sync_jobs n
                  WHERE n.deployment_id = j.deployment_id AND n.started_at > j.started_at);
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_done := v_done || jsonb_build_object('sync_jobs', v_count);
  DELETE FROM sync_metadata.cache_events WHERE created_at < v_before;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_done := v_done || jsonb_build_object('cache_events', v_count);
  DELETE FROM sync_metadata.held_changes
   WHERE status IN ('rejected', 'applied', 'withdrawn') AND greatest(decided_at, last_seen_at) < v_before;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_done := v_done || jsonb_build_object('held_changes', v_count);
  FOR v_schema IN SELECT d.schema_name FROM sync_metadata.client_deployments d LOOP
    EXECUTE format('DELETE FROM %I._sync_archive WHERE removed_at < $1', v_schema) USING v_before;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_archive := v_archive + v_count;
    EXECUTE format('DELETE FROM %I._sync_edits WHERE resolved_at < $1', v_schema) USING v_before;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_edits := v_edits + v_count;
  END LOOP;
  RETURN v_done || jsonb_build_object('archive', v_archive, 'edits', v_edits);
END $$;

-- Drops what change_schema put away. What somebody's view depends on stays and is reported.
CREATE FUNCTION sync_metadata.drop_replaced_tables(p_older_than interval) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_before CONSTANT timestamptz := sync_metadata.require_age(p_older_than);
  v_object record;
  v_dropped jsonb := '[]';
  v_kept jsonb := '[]';
BEGIN
  FOR v_object IN
    SELECT r.*, d.schema_name, format('%I.%I', d.schema_name, r.table_name) || coalesce('.' || quote_ident(r.column_name), '') AS path
      FROM sync_metadata.retired_objects r JOIN sync_metadata.client_deployments d USING (deployment_id)
     WHERE r.retired_at < v_before ORDER BY r.retired_id
  LOOP
    BEGIN
      IF v_object.column_name IS NULL THEN
        EXECUTE format('DROP TABLE IF EXISTS %I.%I', v_object.schema_name, v_object.table_name);
      ELSE
        EXECUTE format('ALTER TABLE IF EXISTS %I.%I DROP COLUMN IF EXISTS %I', v_object.schema_name, v_object.table_name,
                       v_object.column_name);
      END IF;
      DELETE FROM sync_metadata.retired_objects WHERE retired_id = v_object.retired_id;
      v_dropped := v_dropped || to_jsonb(v_object.path);
    EXCEPTION WHEN dependent_objects_still_exist THEN
      v_kept := v_kept || to_jsonb(v_object.path);
    END;
  END LOOP;
  RETURN jsonb_build_object('dropped', v_dropped, 'kept', v_kept);
END $$;

RESET ROLE;
