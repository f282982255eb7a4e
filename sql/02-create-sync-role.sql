-- 02: roles and what they may do.
-- sync_owner (NOLOGIN) owns every object; sync_agents (NOLOGIN) holds the agents' grants; login roles are members of
-- sync_agents and of nothing else. Roles belong to the whole server: they may exist already, from another database.
-- No password is set here: sync_service cannot log in until deploy gives it one.

DO $$
DECLARE
  v_role record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sync_owner') THEN
    CREATE ROLE sync_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sync_agents') THEN
    CREATE ROLE sync_agents NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'sync_service') THEN
    CREATE ROLE sync_service LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;
  -- A role we found may be stronger than it should be; we cannot weaken it, so we do not use it.
  FOR v_role IN
    SELECT r.rolname FROM pg_catalog.pg_roles r
     WHERE r.rolname IN ('sync_owner', 'sync_agents', 'sync_service')
       AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
            OR r.rolcanlogin <> (r.rolname = 'sync_service')
            OR EXISTS (SELECT FROM pg_catalog.pg_auth_members m
                        WHERE m.member = r.oid
                          AND (r.rolname <> 'sync_service' OR m.roleid <> 'sync_agents'::regrole)))
  LOOP
    RAISE EXCEPTION 'role ''%'' exists and can do more than it should', v_role.rolname
      USING ERRCODE = 'SN004', HINT = 'drop it, or take its attributes and memberships away, then apply again';
  END LOOP;
  EXECUTE format('GRANT sync_owner TO %I', current_user);
END $$;
GRANT sync_agents TO sync_service;

-- Everything of 01 goes to sync_owner; the admin acts through membership.
ALTER SCHEMA sync_metadata OWNER TO sync_owner;
DO $$
DECLARE
  v_object record;
BEGIN
  FOR v_object IN
    SELECT format('ALTER TABLE sync_metadata.%I OWNER TO sync_owner', c.relname) AS command
      FROM pg_catalog.pg_class c
     WHERE c.relnamespace = 'sync_metadata'::regnamespace AND c.relkind IN ('r', 'v')
    UNION ALL
    SELECT format('ALTER FUNCTION %s OWNER TO sync_owner', p.oid::regprocedure)
      FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'sync_metadata'::regnamespace
  LOOP
    EXECUTE v_object.command;
  END LOOP;
  -- The merge and the compare work with temporary tables; PUBLIC has this right only where nobody took it away.
  IF NOT has_database_privilege('sync_agents', current_database(), 'TEMP') THEN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO sync_agents', current_database());
  END IF;
  IF to_regnamespace('public') IS NOT NULL AND has_schema_privilege('sync_agents', 'public', 'CREATE') THEN
    RAISE WARNING 'agents may create objects in schema public, as everybody may'
      USING HINT = 'REVOKE CREATE ON SCHEMA public FROM PUBLIC';
  END IF;
END $$;

-- Functions are executable by PUBLIC unless somebody says otherwise: say it for those that exist and those to come.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync_metadata FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE sync_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE ALL ON SCHEMA sync_metadata FROM PUBLIC;

GRANT USAGE ON SCHEMA sync_metadata TO sync_agents;
GRANT SELECT ON
  sync_metadata.schema_migrations, sync_metadata.hosts, sync_metadata.client_deployments,
  sync_metadata.leader_election, sync_metadata.sync_jobs, sync_metadata.sync_progress, sync_metadata.conflict_log,
  sync_metadata.cache_events, sync_metadata.held_changes, sync_metadata.retired_objects,
  sync_metadata.v_cluster_health, sync_metadata.v_sync_status, sync_metadata.v_conflict_summary
  TO sync_agents;

-- Column by column: names, keys, owners and paths decide whose row it is, and no agent may rewrite them.
GRANT INSERT (hostname, ip_address, cluster_name, status, last_heartbeat, metadata),
      UPDATE (ip_address, status, last_heartbeat, metadata, updated_at)
  ON sync_metadata.hosts TO sync_agents;
GRANT UPDATE (sync_enabled, sync_interval, status, last_sync_at, last_sync_status, next_sync_at, updated_at)
  ON sync_metadata.client_deployments TO sync_agents;
GRANT UPDATE (leader_id, leader_host_id, acquired_at, expires_at, heartbeat_count, epoch, renew_seq, term_nonce)
  ON sync_metadata.leader_election TO sync_agents;
GRANT INSERT,
      UPDATE (completed_at, status, tables_synced, tables_total, rows_synced, rows_failed, rows_held,
              values_quarantined, duration_seconds, bytes_transferred, error_message, error_details,
              conflicts_detected, conflicts_resolved, sync_type, generation, epoch, metadata)
  ON sync_metadata.sync_jobs TO sync_agents;
GRANT INSERT,
      UPDATE (rows_total, rows_processed, rows_failed, rows_inserted, rows_updated, rows_removed, rows_held,
              values_quarantined, updated_at, completed_at, status, error_message)
  ON sync_metadata.sync_progress TO sync_agents;
GRANT INSERT,
      UPDATE (resolution_strategy, resolved_data, resolved_at, resolved_by, resolution_notes)
  ON sync_metadata.conflict_log TO sync_agents;
GRANT INSERT (cluster_name, host_id, cache_key, action),
      UPDATE (processed_at, processed_by)
  ON sync_metadata.cache_events TO sync_agents;
GRANT INSERT (held_id, deployment_id, table_name, kind, rows_held, rows_total, generation),
      UPDATE (rows_held, rows_total, generation, last_seen_at, status)
  ON sync_metadata.held_changes TO sync_agents;
