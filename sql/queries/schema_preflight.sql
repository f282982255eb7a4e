-- May this role apply the schema, and is there one already? No parameters.
-- Columns: current role, may create roles, may create schemas here, schema_migrations exists. postgres/schema_migrator.cpp.
SELECT r.rolname, r.rolcreaterole OR r.rolsuper, has_database_privilege(current_database(), 'CREATE'),
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'sync_metadata' AND c.relname = 'schema_migrations')
  FROM pg_roles r
 WHERE r.rolname = current_user
