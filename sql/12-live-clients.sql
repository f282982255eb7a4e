-- 12: a client that is synced whenever it changes: its sync_interval is 0, which is no number of seconds.
SET LOCAL ROLE sync_owner;

ALTER TABLE sync_metadata.client_deployments
  DROP CONSTRAINT client_deployments_sync_interval_check,
  ADD CONSTRAINT client_deployments_sync_interval_check CHECK (sync_interval BETWEEN 0 AND 2678400);
COMMENT ON COLUMN sync_metadata.client_deployments.sync_interval IS 'seconds between two syncs; 0: live, whenever the source changes';

RESET ROLE;
