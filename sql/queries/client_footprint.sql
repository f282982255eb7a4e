-- What there is of a client. Members of sync_owner only.
-- $1 client name. Columns: cluster_name, schema_name, deregistered, tables and bytes of its schema (0: it is gone), jobs, conflicts,
-- who else uses the schema ('' nobody). No row: no such client. Called before one is deregistered
-- (cli/command_client_deregister.cpp).
SELECT d.cluster_name, d.schema_name, d.deregistered_at IS NOT NULL, t.tables, t.bytes,
       (SELECT count(*) FROM sync_metadata.sync_jobs j WHERE j.deployment_id = d.deployment_id),
       (SELECT count(*) FROM sync_metadata.conflict_log c WHERE c.deployment_id = d.deployment_id),
       coalesce(sync_metadata.dependents_of(d.schema_name), '')
  FROM sync_metadata.client_deployments d
  CROSS JOIN LATERAL (SELECT count(*) AS tables, coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS bytes
                        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                       WHERE n.nspname = d.schema_name AND c.relkind = 'r') t
 WHERE d.client_name = $1::text
