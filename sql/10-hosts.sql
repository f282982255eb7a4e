-- 10: a host's coming and going: its machine, its login role and password, its end.
-- What creates roles or removes rows is SECURITY INVOKER and the admin's (sync_owner cannot create roles); a host itself
-- may only say, once, which machine it is.
SET LOCAL ROLE sync_owner;

ALTER TABLE sync_metadata.cluster_logins
  -- The machine behind the name: a digest of its machine-id, never the id. NULL: not said yet.
  ADD COLUMN machine text UNIQUE CHECK (machine ~ '^[0-9a-f]{64}$'),
  -- A session that began before may have got in with another password. NULL: none was given here yet.
  ADD COLUMN password_given_at timestamptz;

-- ---------------------------------------------------------------------------------------------- login roles

-- Roles belong to the whole server. A role that serves another database of it has a password that is not ours to change:
-- it says so in its comment, or holds rights there.
CREATE FUNCTION sync_metadata.login_is_free(p_login name) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM sync_metadata.cluster_logins l WHERE l.login_role = p_login)
         AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_roles r
            WHERE r.rolname = p_login
              AND (EXISTS (SELECT FROM pg_catalog.pg_shdepend s
                            WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = r.oid
                              AND s.dbid NOT IN (0, (SELECT d.oid FROM pg_catalog.pg_database d
                                                      WHERE d.datname = current_database())))
                   OR (starts_with(coalesce(shobj_description(r.oid, 'pg_authid'), ''), 'sync-node login of database ')
                       AND NOT starts_with(shobj_description(r.oid, 'pg_authid'),
                                           format('sync-node login of database %L, ', current_database())))))
$$;

-- Neither a new password nor the end of a host ends a session, and a session whose role is given to another host would be
-- that host. Everybody sees whose a session is. Those of other databases cannot reach this one.
CREATE FUNCTION sync_metadata.login_sessions(p_login name) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  SELECT count(*) FROM pg_catalog.pg_stat_activity a
   WHERE a.usename = p_login AND a.datname = current_database() AND a.pid <> pg_backend_pid()
$$;

-- Ends them all, and tells how many are left: where the caller may not. Who is no member of the role becomes one for the
-- length of it, which creating the role allows.
CREATE FUNCTION sync_metadata.end_login_sessions(p_login name) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_joins CONSTANT boolean := NOT pg_has_role(current_user, p_login, 'USAGE');
BEGIN
  IF sync_metadata.login_sessions(p_login) = 0 THEN
    RETURN 0;
  END IF;
  BEGIN
    IF v_joins THEN
      EXECUTE format('GRANT %I TO %I', p_login, current_user);
    END IF;
    PERFORM pg_terminate_backend(a.pid, 5000) FROM pg_catalog.pg_stat_activity a
      WHERE a.usename = p_login AND a.datname = current_database() AND a.pid <> pg_backend_pid();
    IF v_joins THEN
      EXECUTE format('REVOKE %I FROM %I', p_login, current_user);
    END IF;
  EXCEPTION WHEN insufficient_privilege THEN
    NULL;  -- the count tells
  END;
  PERFORM pg_stat_clear_snapshot();
  RETURN sync_metadata.login_sessions(p_login);
END $$;

-- The login role a cluster has, or would be given: sync_service for the first, one of its own for each further.
CREATE FUNCTION sync_metadata.choose_login(p_cluster text) RETURNS name
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_login text;
BEGIN
  SELECT l.login_role INTO v_login FROM sync_metadata.cluster_logins l WHERE l.cluster_name = p_cluster;
  IF FOUND THEN
    RETURN v_login;
  ELSIF sync_metadata.login_is_free('sync_service') AND sync_metadata.login_sessions('sync_service') = 0 THEN
    RETURN 'sync_service';
  END IF;
  v_login := 'sync_service_' || regexp_replace(lower(p_cluster COLLATE "C"), '[^a-z0-9_]', '_', 'g');
  IF octet_length(v_login) > 63 THEN
    RAISE EXCEPTION 'host name ''%'' makes a role name of more than 63 bytes', p_cluster
      USING ERRCODE = 'SN003', HINT = 'choose a host name of at most 50 characters';
  ELSIF NOT sync_metadata.login_is_free(v_login) THEN
    RAISE EXCEPTION 'role ''%'' serves another host', v_login USING ERRCODE = 'SN004',
      HINT = 'host names that differ only in case or punctuation share a role: choose another host name';
  ELSIF sync_metadata.login_sessions(v_login) > 0 THEN
    RAISE EXCEPTION 'role ''%'' is no host''s, and sessions of it are open', v_login USING ERRCODE = '55000',
      HINT = format('stop the nodes of the host that had it; SELECT pid FROM pg_stat_activity WHERE usename = %L finds them', v_login);
  END IF;
  RETURN v_login;
END $$;

-- Makes the login role (without a password) and the mapping where they are missing, and notes the machine. Two hosts
-- that come at once are served one after the other. p_machine NULL: it will say so itself (enroll_host).
-- p_adopt: this machine, or the next that says so, takes the place of the one noted.
CREATE FUNCTION sync_metadata.prepare_host(p_cluster text, p_machine text, p_adopt boolean) RETURNS name
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_login name;
  v_noted text;
  v_other text;
BEGIN
  PERFORM pg_advisory_xact_lock(x'73796e63686f7374'::bigint);  -- "synchost"
  SELECT l.cluster_name INTO v_other FROM sync_metadata.cluster_logins l
   WHERE l.machine = p_machine AND l.cluster_name <> p_cluster;
  IF FOUND THEN
    RAISE EXCEPTION 'this machine is host ''%'' of the project already', v_other USING ERRCODE = 'SN004',
      HINT = format('deregister %s first; a copy of another machine needs a machine-id of its own: '
                    'rm /etc/machine-id, then systemd-machine-id-setup', v_other);
  END IF;
  v_login := sync_metadata.choose_login(p_cluster);
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = v_login) THEN
    EXECUTE format('CREATE ROLE %I LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', v_login);
  END IF;
  PERFORM sync_metadata.register_cluster(p_cluster, v_login);
  EXECUTE format('COMMENT ON ROLE %I IS %L', v_login,
                 format('sync-node login of database %L, host %L', current_database(), p_cluster));
  SELECT l.machine INTO v_noted FROM sync_metadata.cluster_logins l WHERE l.cluster_name = p_cluster FOR UPDATE;
  IF v_noted <> p_machine AND p_adopt IS NOT TRUE THEN
    RAISE EXCEPTION 'host ''%'' is another machine', p_cluster USING ERRCODE = 'SN004',
      HINT = 'choose another host name; a machine that replaces the old one says --adopt';
  END IF;
  UPDATE sync_metadata.cluster_logins l SET machine = p_machine
   WHERE l.cluster_name = p_cluster AND l.machine IS DISTINCT FROM p_machine AND (p_machine IS NOT NULL OR p_adopt);
  RETURN v_login;
END $$;

-- Takes the password only as a verifier, so that no statement log ever holds one. A login under way until the commit still
-- gets in with the password of before: given twice, the second time says from when on none does.
CREATE FUNCTION sync_metadata.set_login_password(p_cluster text, p_verifier text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_login name;
BEGIN
  SELECT l.login_role INTO v_login FROM sync_metadata.cluster_logins l WHERE l.cluster_name = p_cluster;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no cluster ''%''', p_cluster USING ERRCODE = 'SN002', HINT = 'deploy the host first';
  ELSIF p_verifier IS NULL OR p_verifier !~ '^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/]+=*\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$' THEN
    RAISE EXCEPTION 'what was given is not a SCRAM-SHA-256 verifier' USING ERRCODE = 'SN003';
  END IF;
  EXECUTE format('ALTER ROLE %I PASSWORD %L', v_login, p_verifier);
  UPDATE sync_metadata.cluster_logins SET password_given_at = clock_timestamp() WHERE login_role = v_login;
END $$;

-- Of the caller's own login.
CREATE FUNCTION sync_metadata.password_given_at() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  SELECT l.password_given_at FROM sync_metadata.cluster_logins l WHERE l.login_role = session_user
$$;
GRANT EXECUTE ON FUNCTION sync_metadata.password_given_at() TO sync_agents;

-- ---------------------------------------------------------------------------------------------- machines

-- Of the caller's own cluster: 'none' noted yet, 'ours', or 'other'.
CREATE FUNCTION sync_metadata.own_machine(p_machine text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  SELECT CASE WHEN l.machine IS NULL THEN 'none' WHEN l.machine = p_machine THEN 'ours' ELSE 'other' END
    FROM sync_metadata.cluster_logins l WHERE l.login_role = session_user
$$;

-- Once: a machine that is noted stays, whoever has the credential.
CREATE FUNCTION sync_metadata.enroll_host(p_machine text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_cluster CONSTANT text := sync_metadata.caller_cluster();
  v_noted text;
BEGIN
  SELECT l.machine INTO v_noted FROM sync_metadata.cluster_logins l WHERE l.cluster_name = v_cluster FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this login is no host''s' USING ERRCODE = 'SN002', HINT = 'prepare the host again, as the admin';
  ELSIF p_machine IS NULL OR v_noted <> p_machine THEN
    RAISE EXCEPTION 'host ''%'' is another machine', v_cluster USING ERRCODE = 'SN004',
      HINT = 'prepare this one under another name; to replace the old one: sync-nodectl deploy prepare --adopt';
  ELSIF v_noted IS NULL THEN
    IF EXISTS (SELECT FROM sync_metadata.cluster_logins l WHERE l.machine = p_machine) THEN
      RAISE EXCEPTION 'this machine is another host of the project already' USING ERRCODE = 'SN004',
        HINT = 'a copy of another machine needs a machine-id of its own: rm /etc/machine-id, then systemd-machine-id-setup';
    END IF;
    UPDATE sync_metadata.cluster_logins l SET machine = p_machine WHERE l.cluster_name = v_cluster;
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.own_machine(text), sync_metadata.enroll_host(text) TO sync_agents;

-- ---------------------------------------------------------------------------------------------- the end

-- Removes a host and the registrations of its clients, with their history. Their copies stay, sync_owner's. Refused while
-- a client is synced or a node leads; the locks keep both from beginning meanwhile. The login's sessions end first: a pooler
-- keeps idle ones. One that logs in until the commit finds nothing that is its own, and keeps the role from being given out.
CREATE FUNCTION sync_metadata.deregister_cluster(p_cluster text) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_login name;
  v_clients text[];
  v_enabled text;
  v_leader text;
  v_sessions bigint;
  v_client record;
  v_dropped boolean := false;
BEGIN
  PERFORM pg_advisory_xact_lock(x'73796e63686f7374'::bigint);
  SELECT l.login_role INTO v_login FROM sync_metadata.cluster_logins l WHERE l.cluster_name = p_cluster FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no cluster ''%''', p_cluster USING ERRCODE = 'SN002', HINT = 'nothing to deregister';
  END IF;
  PERFORM FROM sync_metadata.client_deployments d WHERE d.cluster_name = p_cluster FOR UPDATE;
  SELECT array_agg(d.client_name), string_agg(d.client_name, ', ' ORDER BY d.client_name) FILTER (WHERE d.sync_enabled)
    INTO v_clients, v_enabled FROM sync_metadata.client_deployments d WHERE d.cluster_name = p_cluster;
  IF v_enabled IS NOT NULL THEN
    RAISE EXCEPTION 'clients of ''%'' are still synced: %', p_cluster, v_enabled
      USING ERRCODE = '55000', HINT = 'sync-nodectl client pause NAME, for each';
  END IF;
  SELECT e.leader_id INTO v_leader FROM sync_metadata.leader_election e
   WHERE e.cluster_name = p_cluster FOR UPDATE;
  PERFORM FROM sync_metadata.leader_election e WHERE e.cluster_name = p_cluster AND e.expires_at > clock_timestamp();
  IF FOUND THEN
    RAISE EXCEPTION '% leads ''%'' now', v_leader, p_cluster USING ERRCODE = '55000',
      HINT = 'on that host: systemctl disable --now sync-node@a sync-node@b';
  END IF;
  v_sessions := sync_metadata.end_login_sessions(v_login);
  IF v_sessions > 0 THEN
    RAISE EXCEPTION 'sessions of role ''%'' of ''%'' go on (%), and ''%'' may not end them', v_login, p_cluster, v_sessions, current_user
      USING ERRCODE = '55000', HINT = format('on that host: systemctl disable --now sync-node@a sync-node@b; or as one who may: '
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %L', v_login);
  END IF;
  FOR v_client IN SELECT d.deployment_id, d.schema_name FROM sync_metadata.client_deployments d
                   WHERE d.cluster_name = p_cluster LOOP
    DELETE FROM sync_metadata.conflict_log c WHERE c.deployment_id = v_client.deployment_id;
    DELETE FROM sync_metadata.sync_jobs j WHERE j.deployment_id = v_client.deployment_id;
    DELETE FROM sync_metadata.held_changes h WHERE h.deployment_id = v_client.deployment_id;
    DELETE FROM sync_metadata.retired_objects o WHERE o.deployment_id = v_client.deployment_id;
    DELETE FROM sync_metadata.client_deployments d WHERE d.deployment_id = v_client.deployment_id;
    IF to_regnamespace(quote_ident(v_client.schema_name)) IS NOT NULL THEN
      EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %1$I FROM %2$I; REVOKE ALL ON SCHEMA %1$I FROM %2$I',
                     v_client.schema_name, v_login);
    END IF;
  END LOOP;
  DELETE FROM sync_metadata.state_values v WHERE v.cluster_name = p_cluster;
  DELETE FROM sync_metadata.leader_election e WHERE e.cluster_name = p_cluster;
  DELETE FROM sync_metadata.hosts h WHERE h.cluster_name = p_cluster;
  DELETE FROM sync_metadata.cache_events e WHERE e.cluster_name = p_cluster;
  DELETE FROM sync_metadata.cluster_logins l WHERE l.cluster_name = p_cluster;
  -- No password any more; gone too, unless it is the first host's, which the schema keeps, or somebody gave it more.
  EXECUTE format('ALTER ROLE %I PASSWORD NULL', v_login);
  EXECUTE format('COMMENT ON ROLE %I IS NULL', v_login);
  IF v_login <> 'sync_service' THEN
    BEGIN
      EXECUTE format('DROP ROLE %I', v_login);
      v_dropped := true;
    EXCEPTION WHEN dependent_objects_still_exist THEN
      v_dropped := false;
    END;
  END IF;
  RETURN jsonb_build_object('login_role', v_login, 'role_dropped', v_dropped,
                            'clients', coalesce(to_jsonb(v_clients), '[]'));
END $$;

RESET ROLE;
