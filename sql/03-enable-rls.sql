-- 03: row security on every table of sync_metadata, by session_user.
-- session_user is what the login proved; settings (app.*, role, search_path) are what a caller says, and are not asked.
-- Owners are exempt (no FORCE): our SECURITY DEFINER functions run as sync_owner and check the mapping themselves.
SET LOCAL ROLE sync_owner;

CREATE FUNCTION sync_metadata.caller_cluster() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
  SELECT l.cluster_name FROM sync_metadata.cluster_logins l WHERE l.login_role = session_user
$$;
REVOKE EXECUTE ON FUNCTION sync_metadata.caller_cluster() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync_metadata.caller_cluster() TO sync_agents;
ALTER TABLE sync_metadata.cache_events ALTER COLUMN cluster_name SET DEFAULT sync_metadata.caller_cluster();

ALTER TABLE sync_metadata.schema_migrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_metadata.cluster_logins ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_metadata.hosts ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_metadata.client_deployments ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_metadata.leader_election ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_metadata.sync_jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_metadata.sync_progress ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_metadata.conflict_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_metadata.cache_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_metadata.held_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync_metadata.retired_objects ENABLE ROW LEVEL SECURITY;

-- (SELECT …) makes the planner call the function once per statement instead of once per row.
CREATE POLICY schema_version ON sync_metadata.schema_migrations FOR SELECT TO sync_agents USING (true);
CREATE POLICY own_cluster ON sync_metadata.hosts TO sync_agents
  USING (cluster_name = (SELECT sync_metadata.caller_cluster()))
  WITH CHECK (cluster_name = (SELECT sync_metadata.caller_cluster()));
CREATE POLICY own_cluster ON sync_metadata.client_deployments TO sync_agents
  USING (cluster_name = (SELECT sync_metadata.caller_cluster()))
  WITH CHECK (cluster_name = (SELECT sync_metadata.caller_cluster()));
CREATE POLICY own_cluster ON sync_metadata.leader_election TO sync_agents
  USING (cluster_name = (SELECT sync_metadata.caller_cluster()))
  WITH CHECK (cluster_name = (SELECT sync_metadata.caller_cluster()));
CREATE POLICY own_cluster ON sync_metadata.cache_events TO sync_agents
  USING (cluster_name = (SELECT sync_metadata.caller_cluster()))
  WITH CHECK (cluster_name = (SELECT sync_metadata.caller_cluster()));

-- The sub-selects below are themselves under the policy of the table they read.
CREATE POLICY own_deployment ON sync_metadata.sync_jobs TO sync_agents
  USING (deployment_id IN (SELECT d.deployment_id FROM sync_metadata.client_deployments d))
  WITH CHECK (deployment_id IN (SELECT d.deployment_id FROM sync_metadata.client_deployments d));
CREATE POLICY own_job ON sync_metadata.sync_progress TO sync_agents
  USING (EXISTS (SELECT FROM sync_metadata.sync_jobs j WHERE j.job_id = sync_progress.job_id))
  WITH CHECK (EXISTS (SELECT FROM sync_metadata.sync_jobs j WHERE j.job_id = sync_progress.job_id));
CREATE POLICY own_deployment ON sync_metadata.conflict_log TO sync_agents
  USING (deployment_id IN (SELECT d.deployment_id FROM sync_metadata.client_deployments d))
  WITH CHECK (deployment_id IN (SELECT d.deployment_id FROM sync_metadata.client_deployments d)
              AND (job_id IS NULL OR EXISTS (SELECT FROM sync_metadata.sync_jobs j
                                              WHERE j.job_id = conflict_log.job_id
                                                AND j.deployment_id = conflict_log.deployment_id)));
CREATE POLICY own_deployment ON sync_metadata.held_changes TO sync_agents
  USING (deployment_id IN (SELECT d.deployment_id FROM sync_metadata.client_deployments d))
  WITH CHECK (deployment_id IN (SELECT d.deployment_id FROM sync_metadata.client_deployments d));
CREATE POLICY own_deployment ON sync_metadata.retired_objects FOR SELECT TO sync_agents
  USING (deployment_id IN (SELECT d.deployment_id FROM sync_metadata.client_deployments d));

RESET ROLE;
