-- Jobs that say they run since an earlier term, of which no coming run will say better (job_start, job_begin): their node died, or
-- lost the lease and its connection, and could not say so itself. A client that is synced by its interval is due at once and
-- its next sync ends the one that was cut off; a verify, and whatever a paused client was asked for, ends here. Those that wait
-- stay in the queue. $1 cluster name, $2 epoch. Column: job id. Called by a new leader (daemon/crew.cpp).
UPDATE sync_metadata.sync_jobs j
   SET status = 'failed', error_message = 'the node that ran this job ended, or lost the lease, without a word'
  FROM sync_metadata.client_deployments d
 WHERE d.deployment_id = j.deployment_id AND d.cluster_name = $1::text AND j.status = 'running' AND j.epoch < $2::bigint
   AND (j.sync_type = 'verify' OR NOT (d.sync_enabled AND d.status = 'active'))
RETURNING j.job_id
