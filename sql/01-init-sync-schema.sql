-- 01: schema sync_metadata: tables, guards, views.
-- Roles, grants and row security follow in 02 and 03; until then everything belongs to the admin who applies this.
-- Names and columns are those of the reference (docs/TECHNICAL_REFERENCE.md); ours stand beside them.

CREATE SCHEMA sync_metadata;

CREATE TABLE sync_metadata.schema_migrations (
  number int PRIMARY KEY,
  name text NOT NULL,
  sha256 text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  applied_by text NOT NULL DEFAULT session_user
);

-- Owner-only. The whole of row security rests on it: one login role per cluster (= host), told apart by session_user.
CREATE TABLE sync_metadata.cluster_logins (
  cluster_name text PRIMARY KEY CHECK (octet_length(cluster_name) BETWEEN 1 AND 100 AND cluster_name !~ '[[:cntrl:]]'),
  login_role name NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row per node. host_id is given by the server, so that nobody can take an id another host would want.
CREATE TABLE sync_metadata.hosts (
  host_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  hostname text NOT NULL CHECK (octet_length(hostname) BETWEEN 1 AND 255),
  ip_address inet,
  cluster_name text NOT NULL REFERENCES sync_metadata.cluster_logins,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'maintenance', 'offline')),
  last_heartbeat timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  metadata jsonb NOT NULL DEFAULT '{}',
  CONSTRAINT unique_hostname_cluster UNIQUE (hostname, cluster_name),
  UNIQUE (host_id, cluster_name)
);

CREATE TABLE sync_metadata.client_deployments (
  deployment_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  host_id uuid,
  cluster_name text NOT NULL REFERENCES sync_metadata.cluster_logins,
  client_name text NOT NULL UNIQUE,
  schema_name name NOT NULL UNIQUE,
  container_name text,
  sqlite_path text,
  fqdn text,
  port int CHECK (port BETWEEN 1 AND 65535),
  database_type text NOT NULL DEFAULT 'sqlite' CHECK (database_type IN ('sqlite', 'postgresql')),
  sync_enabled boolean NOT NULL DEFAULT false,
  sync_interval int NOT NULL DEFAULT 300 CHECK (sync_interval BETWEEN 1 AND 2678400),
  last_sync_at timestamptz,
  last_sync_status text CHECK (last_sync_status IN
    ('pending', 'running', 'success', 'failed', 'held', 'conflicts', 'cancelled', 'fenced', 'starved')),
  next_sync_at timestamptz,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'migrating', 'stopped')),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  config jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(config) = 'object'),
  CONSTRAINT unique_container_cluster UNIQUE (cluster_name, container_name),
  -- A client belongs to its cluster and outlives any node of it.
  FOREIGN KEY (host_id, cluster_name) REFERENCES sync_metadata.hosts (host_id, cluster_name)
    ON DELETE SET NULL (host_id)
);

-- UNIQUE (cluster_name, epoch) makes epoch a key column: FOR KEY SHARE then blocks a takeover and lets a renewal pass.
CREATE TABLE sync_metadata.leader_election (
  cluster_name text PRIMARY KEY REFERENCES sync_metadata.cluster_logins,
  leader_id text NOT NULL DEFAULT '' CHECK (octet_length(leader_id) <= 100),
  leader_host_id uuid,
  acquired_at timestamptz,
  expires_at timestamptz NOT NULL DEFAULT to_timestamp(0),
  heartbeat_count bigint NOT NULL DEFAULT 0,
  epoch bigint NOT NULL DEFAULT 0,
  renew_seq bigint NOT NULL DEFAULT 0,
  term_nonce uuid,
  UNIQUE (cluster_name, epoch),
  FOREIGN KEY (leader_host_id, cluster_name) REFERENCES sync_metadata.hosts (host_id, cluster_name)
    ON DELETE SET NULL (leader_host_id)
);

CREATE TABLE sync_metadata.sync_jobs (
  job_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  deployment_id uuid NOT NULL REFERENCES sync_metadata.client_deployments,
  client_name text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  completed_at timestamptz,
  status text NOT NULL DEFAULT 'running' CHECK (status IN
    ('pending', 'running', 'success', 'failed', 'held', 'conflicts', 'cancelled', 'fenced', 'starved')),
  tables_synced bigint,
  tables_total bigint,
  rows_synced bigint,
  rows_failed bigint,
  rows_held bigint,
  values_quarantined bigint,
  duration_seconds double precision,
  bytes_transferred bigint,
  error_message text,
  error_details jsonb,
  conflicts_detected bigint,
  conflicts_resolved bigint,
  triggered_by text NOT NULL DEFAULT 'manual',
  sync_type text NOT NULL DEFAULT 'incremental' CHECK (sync_type IN ('full', 'incremental', 'recheck', 'manual')),
  generation bigint,
  epoch bigint,
  metadata jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ON sync_metadata.sync_jobs (deployment_id, started_at DESC);

-- Rows only for tables that changed or hold something. A NULL count is unknown, not zero.
CREATE TABLE sync_metadata.sync_progress (
  progress_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  job_id uuid NOT NULL REFERENCES sync_metadata.sync_jobs ON DELETE CASCADE,
  table_name text NOT NULL,
  rows_total bigint,
  rows_processed bigint,
  rows_failed bigint,
  rows_inserted bigint,
  rows_updated bigint,
  rows_removed bigint,
  rows_held bigint,
  values_quarantined bigint,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  completed_at timestamptz,
  status text NOT NULL DEFAULT 'running' CHECK (status IN
    ('pending', 'running', 'success', 'failed', 'held', 'conflicts', 'skipped', 'cancelled', 'fenced', 'starved')),
  error_message text,
  UNIQUE (job_id, table_name)
);

CREATE TABLE sync_metadata.conflict_log (
  conflict_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  deployment_id uuid NOT NULL REFERENCES sync_metadata.client_deployments,
  client_name text NOT NULL,
  table_name text NOT NULL,
  record_id text NOT NULL,
  conflict_type text NOT NULL CHECK (conflict_type IN
    ('update_conflict', 'delete_conflict', 'constraint_violation', 'type_mismatch', 'custom')),
  source_data json,
  target_data json,
  resolution_strategy text CHECK (resolution_strategy IN
    ('newest_wins', 'source_wins', 'target_wins', 'merge', 'manual')),
  resolved_data json,
  detected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolved_at timestamptz,
  resolved_by text,
  resolution_notes text,
  job_id uuid REFERENCES sync_metadata.sync_jobs ON DELETE SET NULL,
  CHECK (resolved_at IS NULL OR resolved_by IS NOT NULL)
);
CREATE INDEX ON sync_metadata.conflict_log (deployment_id, detected_at DESC);
CREATE INDEX ON sync_metadata.conflict_log (deployment_id) WHERE resolved_at IS NULL;
CREATE INDEX ON sync_metadata.conflict_log (job_id) WHERE job_id IS NOT NULL;

-- Addressed to a cluster, not to the writer: both nodes must see it.
CREATE TABLE sync_metadata.cache_events (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cluster_name text NOT NULL REFERENCES sync_metadata.cluster_logins,
  host_id uuid,
  cache_key text NOT NULL CHECK (octet_length(cache_key) BETWEEN 1 AND 1000),
  action text NOT NULL CHECK (action IN ('invalidate', 'refresh', 'delete')),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  processed_at timestamptz,
  processed_by text,
  CONSTRAINT future_processed CHECK (processed_at IS NULL OR processed_at >= created_at),
  FOREIGN KEY (host_id, cluster_name) REFERENCES sync_metadata.hosts (host_id, cluster_name) ON DELETE CASCADE
);
CREATE INDEX ON sync_metadata.cache_events (cluster_name, event_id);

-- Deletes the brake stopped, until a person decides (sync_metadata.decide_held).
CREATE TABLE sync_metadata.held_changes (
  held_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  deployment_id uuid NOT NULL REFERENCES sync_metadata.client_deployments,
  table_name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('mass_delete', 'vanished_table')),
  rows_held bigint NOT NULL CHECK (rows_held >= 0),
  rows_total bigint NOT NULL CHECK (rows_total >= 0),
  generation bigint NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'released', 'rejected', 'applied', 'withdrawn')),
  decided_by text,
  decided_login name,
  decided_at timestamptz
);
CREATE UNIQUE INDEX held_changes_open ON sync_metadata.held_changes (deployment_id, table_name, kind)
  WHERE status IN ('waiting', 'released');

-- Tables and columns renamed out of the way (never dropped) by change_schema; retention drops them by this list.
CREATE TABLE sync_metadata.retired_objects (
  retired_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  deployment_id uuid NOT NULL REFERENCES sync_metadata.client_deployments,
  table_name name NOT NULL,
  column_name name,
  former_name name NOT NULL,
  kind text NOT NULL CHECK (kind IN ('replaced_table', 'dropped_table', 'dropped_column')),
  retired_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON sync_metadata.retired_objects (deployment_id);

-- ---------------------------------------------------------------------------------------------- triggers

CREATE FUNCTION sync_metadata.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  RETURN NEW;
END $$;

CREATE TRIGGER set_updated_at BEFORE UPDATE ON sync_metadata.hosts
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.update_updated_at_column();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON sync_metadata.client_deployments
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.update_updated_at_column();
CREATE TRIGGER set_updated_at BEFORE UPDATE ON sync_metadata.sync_progress
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.update_updated_at_column();

-- Health is judged by the server's clock: a heartbeat from the future would stay fresh for ever.
CREATE FUNCTION sync_metadata.clamp_heartbeat() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  NEW.last_heartbeat := least(NEW.last_heartbeat, clock_timestamp());
  RETURN NEW;
END $$;

CREATE TRIGGER clamp_heartbeat BEFORE INSERT OR UPDATE ON sync_metadata.hosts
  FOR EACH ROW WHEN (NEW.last_heartbeat IS NOT NULL) EXECUTE FUNCTION sync_metadata.clamp_heartbeat();

CREATE FUNCTION sync_metadata.update_job_completion() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  NEW.completed_at := coalesce(NEW.completed_at, clock_timestamp());
  NEW.duration_seconds := coalesce(NEW.duration_seconds, extract(epoch FROM NEW.completed_at - NEW.started_at));
  RETURN NEW;
END $$;

CREATE TRIGGER complete_job BEFORE UPDATE ON sync_metadata.sync_jobs
  FOR EACH ROW WHEN (OLD.status IN ('pending', 'running') AND NEW.status NOT IN ('pending', 'running'))
  EXECUTE FUNCTION sync_metadata.update_job_completion();

-- client_name is copied into history so that it outlives a rename; the writer has no say in it.
CREATE FUNCTION sync_metadata.set_client_name() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  -- An invisible deployment leaves NULL or a lie here; row security refuses that row right after.
  SELECT d.client_name INTO NEW.client_name FROM sync_metadata.client_deployments d
   WHERE d.deployment_id = NEW.deployment_id;
  RETURN NEW;
END $$;

CREATE TRIGGER set_client_name BEFORE INSERT ON sync_metadata.sync_jobs
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.set_client_name();
CREATE TRIGGER set_client_name BEFORE INSERT ON sync_metadata.conflict_log
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.set_client_name();

-- The lease row: an epoch never falls and never has two holders; no lease is endless; a lease that ran out while
-- its renewal waited for a lock is not revived. clock_timestamp() is read here, after that wait.
CREATE FUNCTION sync_metadata.guard_lease() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
DECLARE
  c_jump CONSTANT bigint := 1000000;               -- more elections than any restore from backup can have lost
  c_last CONSTANT bigint := 4611686018427387904;   -- 2^62: far from overflow, out of reach at c_jump a step
BEGIN
  IF NOT isfinite(NEW.expires_at) OR NEW.expires_at > clock_timestamp() + interval '1 hour'
     OR NOT isfinite(coalesce(NEW.acquired_at, 'epoch')) THEN
    RAISE EXCEPTION 'a lease ends within one hour' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.epoch < 0 OR NEW.epoch > c_last THEN
    RAISE EXCEPTION 'epoch % is out of range', NEW.epoch USING ERRCODE = 'check_violation';
  END IF;
  IF TG_OP = 'INSERT' THEN
    RETURN NEW;
  END IF;
  IF NEW.cluster_name <> OLD.cluster_name THEN
    RAISE EXCEPTION 'a lease row never changes its cluster' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.epoch < OLD.epoch OR NEW.epoch - OLD.epoch > c_jump THEN
    RAISE EXCEPTION 'epoch may not go from % to %', OLD.epoch, NEW.epoch USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.epoch > OLD.epoch THEN
    IF NEW.leader_id = '' OR NEW.term_nonce IS NULL THEN
      RAISE EXCEPTION 'a new term needs a leader and a nonce' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF (NEW.leader_id, NEW.term_nonce, NEW.acquired_at) IS DISTINCT FROM (OLD.leader_id, OLD.term_nonce, OLD.acquired_at)
     OR (NEW.leader_host_id <> OLD.leader_host_id) OR NEW.renew_seq < OLD.renew_seq THEN
    RAISE EXCEPTION 'a new term needs a new epoch' USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.expires_at > OLD.expires_at AND OLD.expires_at <= clock_timestamp() THEN
    RAISE EXCEPTION 'fenced: the lease of epoch % had run out before it was renewed', OLD.epoch
      USING ERRCODE = 'SN001';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guard_lease BEFORE INSERT OR UPDATE ON sync_metadata.leader_election
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.guard_lease();

-- The two guards below bind agents only. Our SECURITY DEFINER functions run as sync_owner, so current_user tells.
CREATE FUNCTION sync_metadata.guard_resolved_conflict() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  IF OLD.resolved_at IS NOT NULL AND NOT pg_has_role(current_user, 'sync_owner', 'MEMBER') THEN
    RAISE EXCEPTION 'a resolved conflict cannot be changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guard_resolved_conflict BEFORE UPDATE ON sync_metadata.conflict_log
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.guard_resolved_conflict();

CREATE FUNCTION sync_metadata.guard_held_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, sync_metadata, pg_temp AS $$
BEGIN
  IF pg_has_role(current_user, 'sync_owner', 'MEMBER') THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'waiting' OR num_nonnulls(NEW.decided_by, NEW.decided_login, NEW.decided_at) > 0 THEN
      RAISE EXCEPTION 'a held change starts waiting' USING ERRCODE = 'insufficient_privilege';
    END IF;
  ELSIF (OLD.status, NEW.status) NOT IN (('waiting', 'waiting'), ('waiting', 'withdrawn'), ('released', 'applied'),
                                         ('released', 'withdrawn')) THEN
    RAISE EXCEPTION 'a held change goes from ''%'' to ''%'' only by decide_held()', OLD.status, NEW.status
      USING ERRCODE = 'insufficient_privilege';
  ELSIF OLD.status <> 'waiting'
        AND (NEW.rows_held, NEW.rows_total, NEW.generation) IS DISTINCT FROM (OLD.rows_held, OLD.rows_total, OLD.generation) THEN
    RAISE EXCEPTION 'what was decided upon cannot be changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guard_held_change BEFORE INSERT OR UPDATE ON sync_metadata.held_changes
  FOR EACH ROW EXECUTE FUNCTION sync_metadata.guard_held_change();

-- ---------------------------------------------------------------------------------------------- views
-- security_invoker: a view shows a caller what the tables show him, and nothing more.

CREATE VIEW sync_metadata.v_cluster_health WITH (security_invoker = true) AS
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
       (SELECT count(*) FROM sync_metadata.client_deployments d WHERE d.cluster_name = h.cluster_name)
         AS deployments_count,
       (SELECT count(*) FROM sync_metadata.client_deployments d WHERE d.cluster_name = h.cluster_name AND d.sync_enabled)
         AS sync_enabled_count
  FROM sync_metadata.hosts h
  LEFT JOIN sync_metadata.leader_election l ON l.cluster_name = h.cluster_name;

CREATE VIEW sync_metadata.v_sync_status WITH (security_invoker = true) AS
SELECT d.deployment_id, d.cluster_name, d.client_name, d.schema_name, d.status, d.sync_enabled, d.sync_interval,
       d.last_sync_at, d.last_sync_status, d.next_sync_at,
       extract(epoch FROM statement_timestamp() - d.last_sync_at)::double precision AS lag_seconds,
       j.job_id AS last_job_id, j.status AS last_job_status, j.sync_type AS last_job_type,
       j.started_at AS last_job_started_at, j.completed_at AS last_job_completed_at,
       j.duration_seconds AS last_job_seconds, j.rows_synced AS last_job_rows_synced,
       j.rows_failed AS last_job_rows_failed, j.values_quarantined, j.error_message AS last_job_error,
       h.held_count, h.rows_held, c.open_conflicts
  FROM sync_metadata.client_deployments d
  LEFT JOIN LATERAL (SELECT * FROM sync_metadata.sync_jobs j WHERE j.deployment_id = d.deployment_id
                      ORDER BY j.started_at DESC LIMIT 1) j ON true
  CROSS JOIN LATERAL (SELECT count(*) AS held_count, coalesce(sum(h.rows_held), 0)::bigint AS rows_held
                        FROM sync_metadata.held_changes h
                       WHERE h.deployment_id = d.deployment_id AND h.status = 'waiting') h
  CROSS JOIN LATERAL (SELECT count(*) AS open_conflicts FROM sync_metadata.conflict_log c
                       WHERE c.deployment_id = d.deployment_id AND c.resolved_at IS NULL) c;

CREATE VIEW sync_metadata.v_conflict_summary WITH (security_invoker = true) AS
SELECT c.deployment_id, c.client_name, c.table_name, c.conflict_type, c.resolution_strategy,
       count(*) AS conflicts,
       count(*) FILTER (WHERE c.resolved_at IS NULL) AS open_conflicts,
       count(*) FILTER (WHERE c.resolved_at IS NOT NULL) AS resolved_conflicts,
       min(c.detected_at) FILTER (WHERE c.resolved_at IS NULL) AS oldest_open_at,
       max(c.detected_at) AS last_detected_at,
       max(c.resolved_at) AS last_resolved_at
  FROM sync_metadata.conflict_log c
 GROUP BY c.deployment_id, c.client_name, c.table_name, c.conflict_type, c.resolution_strategy;
