-- 07: values by key with their versions, the events that keep both nodes' caches right, jobs that wait for a leader.
-- Whoever changes what a node may have cached (an agent, an admin with psql, a restore) leaves an event by trigger.
SET LOCAL ROLE sync_owner;

-- ---------------------------------------------------------------------------------------------- values by key

-- "deployment.<client>" is a row of client_deployments, never one of these.
CREATE TABLE sync_metadata.state_values (
  cluster_name text NOT NULL DEFAULT sync_metadata.caller_cluster() REFERENCES sync_metadata.cluster_logins,
  key text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 200 AND key !~ '[[:cntrl:]]' AND NOT starts_with(key, 'deployment.')),
  value json NOT NULL CHECK (octet_length(value::text) <= 1048576),
  version bigint NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_by text NOT NULL CHECK (octet_length(updated_by) BETWEEN 1 AND 1000),
  updated_login name NOT NULL DEFAULT session_user,
  PRIMARY KEY (cluster_name, key)
);

-- Version, time and login are the server's, whoever asks: a version that somebody chose would let a stale cache, or a
-- writer with If-Match, pass for current. updated_by is what the writer says, updated_login what his login proved.
CREATE FUNCTION sync_metadata.guard_state_value() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.cluster_name, NEW.key) IS DISTINCT FROM (OLD.cluster_name, OLD.key) THEN
    RAISE EXCEPTION 'state ''%'' never changes its name or cluster', OLD.key USING ERRCODE = 'check_violation';
  END IF;
  NEW.version := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE OLD.version + 1 END;
  NEW.updated_at := clock_timestamp();
  NEW.updated_login := session_user;
  RETURN NEW;
END $$;

CREATE TRIGGER guard_state_value BEFORE INSERT OR UPDATE ON sync_metadata.state_values
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.guard_state_value();

ALTER TABLE sync_metadata.state_values ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_cluster ON sync_metadata.state_values TO sync_agents
  USING (cluster_name = (SELECT sync_metadata.caller_cluster()))
  WITH CHECK (cluster_name = (SELECT sync_metadata.caller_cluster()));
GRANT SELECT, INSERT (cluster_name, key, value, updated_by), UPDATE (value, updated_by)
  ON sync_metadata.state_values TO sync_agents;

-- What "deployment.<client>" shows has a version of its own: last_sync_at moves with every sync and is not part of it.
-- Clients that exist already start now.
ALTER TABLE sync_metadata.client_deployments
  ADD COLUMN state_version bigint NOT NULL DEFAULT 1,
  ADD COLUMN state_updated_at timestamptz NOT NULL DEFAULT clock_timestamp();

CREATE FUNCTION sync_metadata.count_state_version() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  NEW.state_version := OLD.state_version;
  NEW.state_updated_at := OLD.state_updated_at;
  IF (NEW.cluster_name, NEW.client_name, NEW.schema_name, NEW.container_name, NEW.sqlite_path, NEW.fqdn, NEW.port,
      NEW.database_type, NEW.sync_enabled, NEW.sync_interval, NEW.status, NEW.config)
     IS DISTINCT FROM
     (OLD.cluster_name, OLD.client_name, OLD.schema_name, OLD.container_name, OLD.sqlite_path, OLD.fqdn, OLD.port,
      OLD.database_type, OLD.sync_enabled, OLD.sync_interval, OLD.status, OLD.config) THEN
    NEW.state_version := OLD.state_version + 1;
    NEW.state_updated_at := clock_timestamp();
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER count_state_version BEFORE UPDATE ON sync_metadata.client_deployments
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.count_state_version();

-- ---------------------------------------------------------------------------------------------- cache events

-- event_id is given before the commit, so a poll by "greater than the last one" would miss an event whose transaction
-- took longer. A poll by transaction id misses none: it asks for those that were not yet over when it last looked.
ALTER TABLE sync_metadata.cache_events ADD COLUMN xact xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX ON sync_metadata.cache_events (cluster_name, xact);
CREATE INDEX ON sync_metadata.cache_events (created_at);

-- The notice goes out with the commit and is only a hint. Any role of the database may listen, so it carries no key:
-- that is read under row security.
CREATE FUNCTION sync_metadata.notify_cache_event() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  PERFORM pg_notify('sync_node', NEW.cluster_name || E'\ncache ' || NEW.event_id);
  RETURN NULL;
END $$;

CREATE TRIGGER notify_cache_event AFTER INSERT ON sync_metadata.cache_events
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.notify_cache_event();

CREATE FUNCTION sync_metadata.record_value_event() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  INSERT INTO sync_metadata.cache_events (cluster_name, cache_key, action)
  VALUES (coalesce(NEW.cluster_name, OLD.cluster_name), coalesce(NEW.key, OLD.key),
          CASE TG_OP WHEN 'INSERT' THEN 'refresh' WHEN 'UPDATE' THEN 'invalidate' ELSE 'delete' END);
  RETURN NULL;
END $$;

CREATE TRIGGER record_value_event AFTER INSERT OR UPDATE OR DELETE ON sync_metadata.state_values
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.record_value_event();

-- A client that an admin renamed or moved is another key, or another cluster's: both sides are told.
CREATE FUNCTION sync_metadata.record_deployment_event() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  INSERT INTO sync_metadata.cache_events (cluster_name, cache_key, action)
  SELECT DISTINCT v.cluster_name, 'deployment.' || v.client_name,
         CASE TG_OP WHEN 'INSERT' THEN 'refresh' WHEN 'UPDATE' THEN 'invalidate' ELSE 'delete' END
    FROM (VALUES (OLD.cluster_name, OLD.client_name), (NEW.cluster_name, NEW.client_name)) v (cluster_name, client_name)
   WHERE v.client_name IS NOT NULL;
  RETURN NULL;
END $$;

CREATE TRIGGER record_deployment_event AFTER INSERT OR DELETE ON sync_metadata.client_deployments
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.record_deployment_event();
CREATE TRIGGER record_deployment_change AFTER UPDATE ON sync_metadata.client_deployments
  FOR EACH ROW WHEN (NEW.state_version IS DISTINCT FROM OLD.state_version)
  EXECUTE FUNCTION sync_metadata.record_deployment_event();

-- Agents have no DELETE. They may drop their own cluster's events, and only those that every node has long seen; an
-- admin those of all clusters.
CREATE FUNCTION sync_metadata.purge_cache_events(p_older_than interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  v_before CONSTANT timestamptz := sync_metadata.require_age(p_older_than);
  v_cluster CONSTANT text := sync_metadata.caller_cluster();
  v_count bigint;
BEGIN
  IF p_older_than < interval '1 hour' THEN
    RAISE EXCEPTION 'cache events of the last hour may still be unread' USING ERRCODE = 'SN003',
      HINT = 'purge those older than one hour';
  END IF;
  IF v_cluster IS NULL AND NOT pg_has_role(session_user, 'sync_owner', 'MEMBER') THEN
    RAISE EXCEPTION 'login ''%'' has no cluster', session_user USING ERRCODE = 'SN002';
  END IF;
  DELETE FROM sync_metadata.cache_events e
   WHERE e.created_at < v_before AND (v_cluster IS NULL OR e.cluster_name = v_cluster);
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END $$;
GRANT EXECUTE ON FUNCTION sync_metadata.purge_cache_events(interval) TO sync_agents;

-- ---------------------------------------------------------------------------------------------- jobs that wait

-- A trigger leaves a pending job; a worker begins it. queued_at is when it was asked for, started_at (also for the age of
-- the last sync) when it began; both by the server's clock, neither updatable by agents.
ALTER TABLE sync_metadata.sync_jobs ADD COLUMN queued_at timestamptz;
UPDATE sync_metadata.sync_jobs SET queued_at = started_at;
ALTER TABLE sync_metadata.sync_jobs ALTER COLUMN queued_at SET DEFAULT clock_timestamp(),
  ALTER COLUMN queued_at SET NOT NULL;
CREATE INDEX ON sync_metadata.sync_jobs (queued_at) WHERE status = 'pending';

CREATE FUNCTION sync_metadata.time_job() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.queued_at := least(NEW.started_at, clock_timestamp());
  ELSE
    NEW.started_at := clock_timestamp();
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER queue_job BEFORE INSERT ON sync_metadata.sync_jobs
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.time_job();
CREATE TRIGGER begin_job BEFORE UPDATE ON sync_metadata.sync_jobs
  FOR EACH ROW WHEN (OLD.status = 'pending' AND NEW.status = 'running') EXECUTE FUNCTION sync_metadata.time_job();

-- As in 01, but a job that never began has no duration.
CREATE OR REPLACE FUNCTION sync_metadata.update_job_completion() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  NEW.completed_at := coalesce(NEW.completed_at, clock_timestamp());
  IF OLD.status <> 'pending' THEN
    NEW.duration_seconds := coalesce(NEW.duration_seconds, extract(epoch FROM NEW.completed_at - NEW.started_at));
  END IF;
  RETURN NEW;
END $$;

-- As in 01, but the last job is the last that began: one that waits, or was cancelled while it did, says nothing about the
-- copy. What waits is counted beside it.
CREATE OR REPLACE VIEW sync_metadata.v_sync_status WITH (security_invoker = true) AS
SELECT d.deployment_id, d.cluster_name, d.client_name, d.schema_name, d.status, d.sync_enabled, d.sync_interval,
       d.last_sync_at, d.last_sync_status, d.next_sync_at,
       extract(epoch FROM statement_timestamp() - d.last_sync_at)::double precision AS lag_seconds,
       j.job_id AS last_job_id, j.status AS last_job_status, j.sync_type AS last_job_type,
       j.started_at AS last_job_started_at, j.completed_at AS last_job_completed_at,
       j.duration_seconds AS last_job_seconds, j.rows_synced AS last_job_rows_synced,
       j.rows_failed AS last_job_rows_failed, j.values_quarantined, j.error_message AS last_job_error,
       h.held_count, h.rows_held, c.open_conflicts, p.jobs_pending
  FROM sync_metadata.client_deployments d
  LEFT JOIN LATERAL (SELECT * FROM sync_metadata.sync_jobs j WHERE j.deployment_id = d.deployment_id
                        AND j.status <> 'pending' AND (j.status <> 'cancelled' OR j.duration_seconds IS NOT NULL)
                      ORDER BY j.started_at DESC LIMIT 1) j ON true
  CROSS JOIN LATERAL (SELECT count(*) AS held_count, coalesce(sum(h.rows_held), 0)::bigint AS rows_held
                        FROM sync_metadata.held_changes h
                       WHERE h.deployment_id = d.deployment_id AND h.status = 'waiting') h
  CROSS JOIN LATERAL (SELECT count(*) AS open_conflicts FROM sync_metadata.conflict_log c
                       WHERE c.deployment_id = d.deployment_id AND c.resolved_at IS NULL) c
  CROSS JOIN LATERAL (SELECT count(*) AS jobs_pending FROM sync_metadata.sync_jobs j
                       WHERE j.deployment_id = d.deployment_id AND j.status = 'pending') p;

RESET ROLE;
