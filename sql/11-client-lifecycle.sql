-- 11: the end of a client, and its return. Deregistering and dropping are the admin's, as registering is: SECURITY INVOKER,
-- executable by members of sync_owner only.
SET LOCAL ROLE sync_owner;

-- A deregistered client keeps its row, on which its history hangs. Agents may not write these two columns, and the check keeps
-- them from bringing it back by its status.
ALTER TABLE sync_metadata.client_deployments
  ADD COLUMN deregistered_at timestamptz,
  ADD COLUMN deregistered_by text,
  ADD CONSTRAINT deregistered_is_stopped CHECK
    (deregistered_at IS NULL OR (status = 'stopped' AND NOT sync_enabled AND container_name IS NULL));

-- As in 05, but a deregistered client is nobody's.
CREATE OR REPLACE FUNCTION sync_metadata.require_client(p_deployment uuid, p_epoch bigint, OUT o_schema name, OUT o_login name)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_epoch bigint;
BEGIN
  SELECT d.schema_name, l.login_role, e.epoch INTO o_schema, o_login, v_epoch
    FROM sync_metadata.client_deployments d
    JOIN sync_metadata.cluster_logins l ON l.cluster_name = d.cluster_name
    JOIN sync_metadata.leader_election e ON e.cluster_name = d.cluster_name
   WHERE d.deployment_id = p_deployment AND d.cluster_name = sync_metadata.caller_cluster() AND d.deregistered_at IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no client of this login has deployment id ''%''', p_deployment
      USING ERRCODE = 'SN002', HINT = 'register the client, or use the login role of its own cluster';
  END IF;
  IF v_epoch IS DISTINCT FROM p_epoch THEN
    RAISE EXCEPTION 'fenced: epoch % is not the current one', p_epoch USING ERRCODE = 'SN001';
  END IF;
END $$;

-- As in 04, but a client that its own cluster had deregistered comes back with its copy and its history. The next sync
-- compares the copy with whatever the source is by then.
CREATE OR REPLACE FUNCTION sync_metadata.register_client(p_cluster text, p_client_name text, p_container_name text,
                                                         p_sqlite_path text, p_interval int, p_config jsonb) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_schema CONSTANT name := sync_metadata.client_schema_name(p_client_name);
  v_login name;
  v_former record;
  v_taken record;
  v_deployment uuid;
BEGIN
  SELECT l.login_role INTO v_login FROM sync_metadata.cluster_logins l WHERE l.cluster_name = p_cluster;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no cluster ''%''', p_cluster USING ERRCODE = 'SN002', HINT = 'register the cluster first';
  END IF;
  SELECT d.* INTO v_taken FROM sync_metadata.client_deployments d
   WHERE d.cluster_name = p_cluster AND d.container_name = nullif(p_container_name, '');
  IF FOUND AND v_taken.client_name <> p_client_name THEN
    RAISE EXCEPTION 'container ''%'' belongs to client ''%''', p_container_name, v_taken.client_name USING ERRCODE = 'SN004';
  END IF;
  SELECT d.* INTO v_former FROM sync_metadata.client_deployments d WHERE d.schema_name = v_schema FOR UPDATE;
  IF FOUND AND v_former.deregistered_at IS NOT NULL AND v_former.client_name = p_client_name
     AND v_former.cluster_name = p_cluster THEN
    UPDATE sync_metadata.client_deployments
       SET deregistered_at = NULL, deregistered_by = NULL, status = 'active', container_name = nullif(p_container_name, ''),
           sqlite_path = nullif(p_sqlite_path, ''), sync_interval = coalesce(p_interval, sync_interval)
     WHERE deployment_id = v_former.deployment_id;
    IF to_regnamespace(quote_ident(v_schema)) IS NOT NULL THEN
      EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', v_schema, v_login);
      RETURN v_former.deployment_id;
    END IF;
  ELSIF v_former.deployment_id IS NOT NULL THEN
    RAISE EXCEPTION 'schema ''%'' belongs to client ''%'' of cluster ''%''', v_schema, v_former.client_name, v_former.cluster_name
      USING ERRCODE = 'SN004', HINT = 'client names that differ only in case or punctuation share a schema: choose another name';
  ELSIF to_regnamespace(quote_ident(v_schema)) IS NOT NULL THEN
    RAISE EXCEPTION 'schema ''%'' exists and is no client''s', v_schema
      USING ERRCODE = 'SN004', HINT = 'rename or drop it, or choose another client name';
  ELSE
    INSERT INTO sync_metadata.client_deployments
      (cluster_name, client_name, schema_name, container_name, sqlite_path, sync_interval, config)
    VALUES (p_cluster, p_client_name, v_schema, nullif(p_container_name, ''), nullif(p_sqlite_path, ''),
            coalesce(p_interval, 300), coalesce(p_config, '{}'));
  END IF;
  SELECT d.deployment_id INTO v_deployment FROM sync_metadata.client_deployments d WHERE d.schema_name = v_schema;
  EXECUTE format('CREATE SCHEMA %I AUTHORIZATION sync_owner', v_schema);
  PERFORM sync_metadata.create_client_tables(v_schema, v_login);
  RETURN v_deployment;
END $$;

-- Nobody syncs the client from the commit of this on: a job that begins meanwhile waits for the row (its own row refers to
-- it, a waiting job is locked here), finds no client, and could not write its schema. A job that runs refuses it; what only
-- says that it runs, under a term that is over, is ended. May be repeated.
CREATE FUNCTION sync_metadata.deregister_client(p_client_name text, p_by text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_client record;
  v_job uuid;
BEGIN
  SELECT d.*, l.login_role INTO v_client
    FROM sync_metadata.client_deployments d JOIN sync_metadata.cluster_logins l ON l.cluster_name = d.cluster_name
   WHERE d.client_name = p_client_name FOR UPDATE OF d;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no client ''%''', p_client_name USING ERRCODE = 'P0002';
  END IF;
  UPDATE sync_metadata.sync_jobs SET status = 'cancelled', error_message = 'the client was deregistered by ' || p_by
   WHERE deployment_id = v_client.deployment_id AND status = 'pending';
  SELECT j.job_id INTO v_job FROM sync_metadata.sync_jobs j
    JOIN sync_metadata.leader_election e ON e.cluster_name = v_client.cluster_name
   WHERE j.deployment_id = v_client.deployment_id AND j.status = 'running' AND j.epoch = e.epoch
     AND e.expires_at > clock_timestamp() LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'client ''%'' is being synced by job %', p_client_name, v_job USING ERRCODE = 'object_in_use';
  END IF;
  UPDATE sync_metadata.sync_jobs SET status = 'failed', error_message = 'the process that ran this job ended without a word'
   WHERE deployment_id = v_client.deployment_id AND status = 'running';
  UPDATE sync_metadata.client_deployments
     SET deregistered_at = coalesce(deregistered_at, clock_timestamp()), deregistered_by = coalesce(deregistered_by, p_by),
         status = 'stopped', sync_enabled = false, container_name = NULL
   WHERE deployment_id = v_client.deployment_id;
  IF to_regnamespace(quote_ident(v_client.schema_name)) IS NOT NULL THEN
    EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM %I', v_client.schema_name, v_client.login_role);
  END IF;
END $$;

-- What DROP … RESTRICT of a client's tables and then of its schema would refuse because of: whatever uses a table, its row type
-- or its sequences (a view, a foreign key, an heir, a function, a column, a policy, a default), and whatever somebody made in the
-- schema besides tables. Takes no lock: what comes up between this and the drop is refused there.
CREATE FUNCTION sync_metadata.dependents_of(p_schema name) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  WITH RECURSIVE ours AS (
    SELECT 'pg_class'::regclass::oid AS class, c.oid AS object FROM pg_catalog.pg_class c
     WHERE c.relnamespace = to_regnamespace(quote_ident(p_schema)) AND c.relkind IN ('r', 'p')
    UNION
    -- What PostgreSQL drops with a table without a word: its indexes, defaults, triggers, own constraints, types, TOAST.
    SELECT x.classid, x.objid FROM ours o
      JOIN pg_catalog.pg_depend x ON x.refclassid = o.class AND x.refobjid = o.object AND x.deptype IN ('a', 'i', 'P', 'S')
  ), users AS (
    SELECT x.classid, x.objid, x.objsubid FROM ours o
      JOIN pg_catalog.pg_depend x ON x.refclassid = o.class AND x.refobjid = o.object AND x.deptype = 'n'
    UNION
    SELECT x.classid, x.objid, x.objsubid FROM pg_catalog.pg_depend x
     WHERE x.refclassid = 'pg_namespace'::regclass AND x.refobjid = to_regnamespace(quote_ident(p_schema)) AND x.deptype = 'n'
  ), named AS (
    -- A view uses a table through its rule, but goes by its own name.
    SELECT DISTINCT i.type || ' ' || i.identity AS name
      FROM users u
      LEFT JOIN pg_catalog.pg_rewrite r ON u.classid = 'pg_rewrite'::regclass AND r.oid = u.objid
     CROSS JOIN LATERAL pg_catalog.pg_identify_object(CASE WHEN r.oid IS NULL THEN u.classid ELSE 'pg_class'::regclass::oid END,
                                                      coalesce(r.ev_class, u.objid),
                                                      CASE WHEN r.oid IS NULL THEN u.objsubid ELSE 0 END) i
     WHERE (u.classid, u.objid) NOT IN (SELECT o.class, o.object FROM ours o)
  )
  SELECT string_agg(name, ', ' ORDER BY name) FROM named
$$;

-- Removes a deregistered client for good: its copy with the archive, its jobs and its conflicts. Nothing is dropped that is not
-- the client's: PostgreSQL itself refuses it, and names what it would have been.
CREATE FUNCTION sync_metadata.drop_client(p_client_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_client record;
  v_dependents text;
  v_tables text;
BEGIN
  SELECT d.* INTO v_client FROM sync_metadata.client_deployments d WHERE d.client_name = p_client_name FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no client ''%''', p_client_name USING ERRCODE = 'P0002';
  ELSIF v_client.deregistered_at IS NULL THEN
    RAISE EXCEPTION 'client ''%'' is registered', p_client_name USING ERRCODE = 'SN003', HINT = 'deregister it first';
  END IF;
  SELECT string_agg(format('%I.%I', v_client.schema_name, c.relname), ', ') INTO v_tables FROM pg_catalog.pg_class c
   WHERE c.relnamespace = to_regnamespace(quote_ident(v_client.schema_name)) AND c.relkind IN ('r', 'p');
  BEGIN
    IF v_tables IS NOT NULL THEN
      EXECUTE format('DROP TABLE %s RESTRICT', v_tables);
    END IF;
    EXECUTE format('DROP SCHEMA IF EXISTS %I RESTRICT', v_client.schema_name);
  EXCEPTION WHEN dependent_objects_still_exist THEN
    GET STACKED DIAGNOSTICS v_dependents = PG_EXCEPTION_DETAIL;
    RAISE EXCEPTION 'schema ''%'' is in use: %', v_client.schema_name, replace(v_dependents, E'\n', ', ')
      USING ERRCODE = 'dependent_objects_still_exist', HINT = 'drop or change these first';
  END;
  DELETE FROM sync_metadata.conflict_log WHERE deployment_id = v_client.deployment_id;
  DELETE FROM sync_metadata.sync_jobs WHERE deployment_id = v_client.deployment_id;
  DELETE FROM sync_metadata.held_changes WHERE deployment_id = v_client.deployment_id;
  DELETE FROM sync_metadata.retired_objects WHERE deployment_id = v_client.deployment_id;
  DELETE FROM sync_metadata.client_deployments WHERE deployment_id = v_client.deployment_id;
END $$;

-- As in 01, but deregistered clients are not counted.
CREATE OR REPLACE VIEW sync_metadata.v_cluster_health WITH (security_invoker = true) AS
SELECT h.host_id, h.hostname, h.ip_address, h.cluster_name,
       CASE WHEN h.last_heartbeat > statement_timestamp() - interval '2 minutes' THEN 'active'
            WHEN h.last_heartbeat >= statement_timestamp() - interval '5 minutes' THEN 'degraded'
            ELSE 'offline' END AS status,
       h.status AS declared_status,
       h.last_heartbeat,
       extract(epoch FROM statement_timestamp() - h.last_heartbeat)::double precision AS seconds_since_heartbeat,
       coalesce(l.leader_host_id = h.host_id AND l.expires_at > statement_timestamp(), false) AS is_leader,
       l.leader_id,
       CASE WHEN l.leader_host_id = h.host_id AND l.expires_at > statement_timestamp() THEN 'leader'
            ELSE 'follower' END AS leader_status,
       l.expires_at AS leader_lease_expires,
       greatest(extract(epoch FROM l.expires_at - statement_timestamp()), 0)::double precision AS lease_remaining_seconds,
       l.epoch,
       (SELECT count(*) FROM sync_metadata.client_deployments d
         WHERE d.cluster_name = h.cluster_name AND d.deregistered_at IS NULL) AS deployments_count,
       (SELECT count(*) FROM sync_metadata.client_deployments d WHERE d.cluster_name = h.cluster_name AND d.sync_enabled)
         AS sync_enabled_count
  FROM sync_metadata.hosts h
  LEFT JOIN sync_metadata.leader_election l ON l.cluster_name = h.cluster_name;

RESET ROLE;
