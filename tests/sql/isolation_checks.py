"""
SQLite + Supabase Sync System - What a host's credential cannot do

Every refusal is expected with its SQLSTATE, from both hosts against each other.
"""

from world import ADMIN, OWN_TABLES, TABLES, Side, World

DENIED = '42501'
FORGED = ('app.current_host_id', 'app.current_hostname', 'app.current_cluster_name', 'app.current_client_name',
          'app.session_user', 'request.jwt.claims')


def foreign_rows(other: Side) -> dict:
    """For each table, the rows of the other host."""
    deployments = ', '.join(f"'{client.deployment}'" for client in other.clients)
    by_cluster, by_client = f"cluster_name = '{other.cluster}'", f'deployment_id IN ({deployments})'
    return {'hosts': by_cluster, 'client_deployments': by_cluster, 'leader_election': by_cluster,
            'cache_events': by_cluster, 'sync_jobs': by_client, 'conflict_log': by_client, 'held_changes': by_client,
            'retired_objects': by_client, 'state_values': by_cluster, 'sync_progress': f"job_id = '{other.job}'"}


def sees_nothing(world: World, me: Side, other: Side, prelude: str = '') -> None:
    """No row of the other host, in any table, after this prelude; and the admin knows that there are some."""
    for table, rows in foreign_rows(other).items():
        query = f'SELECT count(*) FROM sync_metadata.{table} WHERE {rows}'
        if table != 'retired_objects':
            assert world.value(query) != '0', f'{table} holds nothing to hide'
        seen = world.expect(me.login, '00000', f'{prelude}{query}').rows[-1]
        assert seen == '0', f'{me.login} sees {seen} foreign rows of {table} after: {prelude}'


def check_forged_settings_change_nothing(world: World) -> None:
    """Row security asks session_user, not what a caller says about himself."""
    for me, other in world.pairs():
        claims = {'app.current_host_id': other.host, 'app.current_client_name': other.clients[0].name,
                  'app.session_user': other.login}
        prelude = ''.join(f"SELECT set_config('{name}', '{claims.get(name, other.cluster)}', true);" for name in FORGED)
        sees_nothing(world, me, other)
        sees_nothing(world, me, other, prelude)
        own = world.expect(me.login, '00000', f'{prelude}SELECT sync_metadata.caller_cluster()').rows[-1]
        assert own == me.cluster, own
        assert world.expect(me.login, '00000', 'SELECT count(*) FROM sync_metadata.client_deployments').one() == '2'


def check_nobody_becomes_another(world: World) -> None:
    """SET ROLE, SET SESSION AUTHORIZATION, passwords, grants."""
    for me, other in world.pairs():
        for role in (other.login, 'sync_owner', ADMIN, 'postgres'):
            world.expect(me.login, DENIED, f'SET ROLE {role}')
            world.expect(me.login, DENIED, f'SET SESSION AUTHORIZATION {role}')
            world.expect(me.login, DENIED, f"SELECT set_config('role', '{role}', true)")
            world.expect(me.login, DENIED, f"SELECT set_config('session_authorization', '{role}', true)")
            world.expect(me.login, DENIED, f"ALTER ROLE {role} PASSWORD 'known'")
            world.expect(me.login, DENIED, f'GRANT {role} TO {me.login}')
        for statement in (f'ALTER ROLE {other.login} NOLOGIN', f'ALTER ROLE {other.login} RENAME TO gone',
                          f"ALTER ROLE {other.login} SET search_path = 'x'", f'DROP ROLE {other.login}',
                          f'ALTER ROLE {me.login} CREATEROLE', f'ALTER ROLE {me.login} BYPASSRLS',
                          'ALTER ROLE sync_owner LOGIN', 'CREATE ROLE mine', f'GRANT sync_agents TO bystander'):
            world.expect(me.login, DENIED, statement)
        # The one role a login may become is the group it is in, and that gains nothing.
        sees_nothing(world, me, other, 'SET LOCAL ROLE sync_agents;')


def check_shadows_fool_no_function(world: World) -> None:
    """Temporary tables and a search_path of the caller's, in front of everything our functions name."""
    for me, other in world.pairs():
        victim = other.clients[0].deployment
        prelude = f"""
            CREATE TEMP TABLE cluster_logins AS SELECT '{other.cluster}'::text AS cluster_name, '{me.login}'::name AS login_role;
            CREATE TEMP TABLE client_deployments AS SELECT '{victim}'::uuid AS deployment_id, '{me.cluster}'::text AS cluster_name,
              '{other.clients[0].schema}'::name AS schema_name, '{other.clients[0].name}'::text AS client_name;
            CREATE TEMP TABLE leader_election AS SELECT '{other.cluster}'::text AS cluster_name, 'me'::text AS leader_id,
              1::bigint AS epoch, '{me.nonce}'::uuid AS term_nonce;
            CREATE TEMP TABLE held_changes AS SELECT '{other.held}'::uuid AS held_id, '{victim}'::uuid AS deployment_id, 'waiting' AS status;
            CREATE TEMP TABLE hosts AS SELECT 1 AS host_id; CREATE TEMP TABLE pg_class AS SELECT 1 AS oid;
            CREATE TEMP TABLE pg_attribute AS SELECT 1 AS attrelid; CREATE TEMP TABLE pg_constraint AS SELECT 1 AS conrelid;
            CREATE FUNCTION pg_temp.caller_cluster() RETURNS text LANGUAGE sql AS $$ SELECT '{other.cluster}'::text $$;
            CREATE FUNCTION pg_temp.pg_has_role(name, text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
            SET LOCAL search_path = pg_temp, sync_metadata, pg_catalog;"""
        sees_nothing(world, me, other, prelude)
        own = world.expect(me.login, '00000', f'{prelude} SELECT sync_metadata.caller_cluster()').rows[-1]
        assert own == me.cluster, own
        for state, call in {
                f"SELECT sync_metadata.change_schema('{victim}', 1, '[]')": 'SN002',
                f"SELECT sync_metadata.remove_rows('{victim}', 1, 1, 'chat', '{{id}}', '[[\"01\", 1]]')": 'SN002',
                f"SELECT sync_metadata.decide_held('{other.held}', 'released', 'me')": 'SN002',
                f"SELECT sync_metadata.fence('{other.cluster}', 'me', 1, '{me.nonce}')": 'SN001',
                f"UPDATE sync_metadata.conflict_log SET resolution_notes = 'x' WHERE conflict_id = '{me.resolved_conflict}'": DENIED,
        }.items():
            world.expect(me.login, call, prelude + state)
        world.expect(me.login, '00000', prelude + f"SELECT sync_metadata.change_schema('{me.clients[0].deployment}', 1, '[]')")


def check_foreign_rows_are_untouchable(world: World) -> None:
    """UPDATE finds nothing, INSERT for another is refused."""
    changes = {'hosts': 'metadata = \'{}\'', 'client_deployments': 'sync_enabled = true', 'leader_election': 'renew_seq = 9',
               'cache_events': "processed_by = 'x'", 'sync_jobs': "status = 'failed'", 'conflict_log': "resolution_notes = 'x'",
               'held_changes': 'rows_held = 1', 'sync_progress': "status = 'failed'", 'state_values': "value = '0'"}
    for me, other in world.pairs():
        rows = foreign_rows(other)
        for table, change in changes.items():
            changed = world.expect(me.login, '00000', f'UPDATE sync_metadata.{table} SET {change} WHERE {rows[table]} RETURNING 1')
            assert changed.rows == [], f'{me.login} changed {table} of {other.cluster}'
        victim = other.clients[0].deployment
        for insert in (
                f"hosts (hostname, cluster_name) VALUES ('x', '{other.cluster}')",
                f"cache_events (cluster_name, cache_key, action) VALUES ('{other.cluster}', 'k', 'delete')",
                f"state_values (cluster_name, key, value, updated_by) VALUES ('{other.cluster}', 'mine', '1', 'me')",
                f"state_values (cluster_name, key, value, updated_by) VALUES ('{other.cluster}', 'k', '1', 'me') "
                'ON CONFLICT (cluster_name, key) DO UPDATE SET value = excluded.value',
                f"sync_jobs (deployment_id, client_name) VALUES ('{victim}', 'x')",
                f"sync_jobs (deployment_id, client_name) VALUES (gen_random_uuid(), 'x')",
                f"sync_progress (job_id, table_name) VALUES ('{other.job}', 'x')",
                f"conflict_log (deployment_id, client_name, table_name, record_id, conflict_type) VALUES ('{victim}', 'x', 'x', 'x', 'custom')",
                f"conflict_log (deployment_id, client_name, table_name, record_id, conflict_type, job_id) "
                f"VALUES ('{me.clients[0].deployment}', 'x', 'x', 'x', 'custom', '{other.job}')",
                f"held_changes (deployment_id, table_name, kind, rows_held, rows_total, generation) VALUES ('{victim}', 'x', 'mass_delete', 1, 1, 1)"):
            world.expect(me.login, DENIED, f'INSERT INTO sync_metadata.{insert}')
        # A name in history is the registered one, whatever the writer says.
        name = world.expect(me.login, '00000', f"INSERT INTO sync_metadata.sync_jobs (deployment_id, client_name) VALUES "
                                               f"('{me.clients[1].deployment}', '{other.clients[0].name}') RETURNING client_name").one()
        assert name == me.clients[1].name, name
        # Foreign keys of ours do not reach across either.
        world.expect(me.login, '23503', f"UPDATE sync_metadata.leader_election SET epoch = epoch + 1, leader_host_id = '{other.host}'")


def check_foreign_schemas_are_closed(world: World) -> None:
    """The schema of a client is its host's alone."""
    for me, other in world.pairs():
        schema = other.clients[0].schema
        for statement in (f'SELECT * FROM {schema}.chat', f"INSERT INTO {schema}.chat VALUES (99, 'x')",
                          f'UPDATE {schema}.chat SET title = NULL', f'SELECT * FROM {schema}._sync_state',
                          f'COPY {schema}.chat TO STDOUT', f"UPDATE {schema}._sync_state SET generation = 2",
                          f'SELECT * FROM {schema}._sync_archive'):
            world.expect(me.login, DENIED, statement)
        for call in ("change_schema({}, 1, '[]')", "remove_rows({}, 1, 1, 'chat', '{{id}}', '[]')",
                     "clear_quarantine({}, 1, 'chat', '{{}}')", "unkeep_rows({}, 1, 'chat', '{{}}')"):
            for deployment in (f"'{other.clients[0].deployment}'", 'gen_random_uuid()', 'NULL'):
                world.expect(me.login, 'SN002', f'SELECT sync_metadata.{call.format(deployment)}')
        world.expect('bystander', DENIED, f'SELECT * FROM {me.clients[0].schema}.chat')
        world.expect('bystander', DENIED, 'SELECT * FROM sync_metadata.hosts')


def check_views_leak_nothing(world: World) -> None:
    """Views show their caller what the tables show him."""
    for me, other in world.pairs():
        for view, own in (('v_cluster_health', '2'), ('v_sync_status', '2'), ('v_conflict_summary', '2')):
            assert world.expect(me.login, '00000', f'SELECT count(*) FROM sync_metadata.{view}').one() == own, view
            text = '\n'.join(world.expect(me.login, '00000', f'SELECT v::text FROM sync_metadata.{view} v').rows)
            assert other.cluster not in text and other.host not in text, f'{view}: {text}'
            assert me.cluster in text, f'{view}: {text}'
            assert world.value(f'SELECT count(*) FROM sync_metadata.{view}') == '4', view
            world.expect('bystander', DENIED, f'SELECT * FROM sync_metadata.{view}')


def check_names_cannot_be_squatted(world: World) -> None:
    """Nothing that decides whose something is can be made or renamed by an agent."""
    for me, other in world.pairs():
        own = me.clients[0]
        for statement in (
                f"INSERT INTO sync_metadata.client_deployments (cluster_name, client_name, schema_name) VALUES ('{me.cluster}', 'new', 'client_new')",
                f"INSERT INTO sync_metadata.cluster_logins (cluster_name, login_role) VALUES ('new', '{me.login}')",
                f"UPDATE sync_metadata.cluster_logins SET login_role = '{me.login}'",
                'SELECT * FROM sync_metadata.cluster_logins',
                f"INSERT INTO sync_metadata.leader_election (cluster_name) VALUES ('{me.cluster}')",
                f"INSERT INTO sync_metadata.hosts (host_id, hostname, cluster_name) VALUES (gen_random_uuid(), 'x', '{me.cluster}')",
                "INSERT INTO sync_metadata.schema_migrations (number, name, sha256) VALUES (99, 'x', 'x')",
                f"SELECT sync_metadata.register_cluster('new', '{me.login}')",
                f"SELECT sync_metadata.register_client('{me.cluster}', 'new', NULL, '/x', 300, '{{}}')",
                "SELECT sync_metadata.create_client_tables('client_new', 'x')",
                "SELECT sync_metadata.purge_history('0')", "SELECT sync_metadata.drop_replaced_tables('0')",
                'CREATE SCHEMA client_new', f'CREATE SCHEMA client_new AUTHORIZATION {me.login}', 'CREATE TABLE public.client_new (x int)',
                'CREATE TABLE sync_metadata.hosts2 (x int)', f'CREATE TABLE {own.schema}.other (x int)',
                f'CREATE VIEW {own.schema}.v AS SELECT 1', f'CREATE FUNCTION {own.schema}.f() RETURNS int LANGUAGE sql AS \'SELECT 1\'',
                f'CREATE TYPE {own.schema}.t AS (x int)', f'CREATE SEQUENCE {own.schema}.s',
                "CREATE FUNCTION sync_metadata.caller_cluster(int) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'"):
            world.expect(me.login, DENIED, statement)
        world.expect(me.login, DENIED, 'CREATE PUBLICATION p')
        for column in ('client_name', 'schema_name', 'cluster_name', 'host_id', 'config', 'sqlite_path', 'container_name', 'deployment_id',
                       'state_version', 'state_updated_at'):
            world.expect(me.login, DENIED, f'UPDATE sync_metadata.client_deployments SET {column} = {column}')
        for table, column in (('hosts', 'hostname'), ('hosts', 'cluster_name'), ('hosts', 'host_id'), ('leader_election', 'cluster_name'),
                              ('sync_jobs', 'deployment_id'), ('sync_jobs', 'client_name'), ('sync_progress', 'job_id'),
                              ('conflict_log', 'source_data'), ('conflict_log', 'deployment_id'), ('cache_events', 'cluster_name'),
                              ('held_changes', 'deployment_id'), ('held_changes', 'decided_by'), ('retired_objects', 'retired_at'),
                              ('schema_migrations', 'sha256'), ('cache_events', 'xact'), ('sync_jobs', 'started_at'), ('sync_jobs', 'queued_at'),
                              ('state_values', 'cluster_name'), ('state_values', 'key'), ('state_values', 'version'),
                              ('state_values', 'updated_at'), ('state_values', 'updated_login')):
            world.expect(me.login, DENIED, f'UPDATE sync_metadata.{table} SET {column} = {column}')


def check_nothing_can_be_destroyed(world: World) -> None:
    """DELETE, TRUNCATE, DROP, ALTER and their kin, on every table there is, one's own included."""
    for me, other in world.pairs():
        tables = [f'sync_metadata.{table}' for table in TABLES]
        for client in (me.clients[0], other.clients[0]):
            tables += [f'{client.schema}.{table}' for table in (*OWN_TABLES, 'chat')]
        for table in tables:
            for statement in (f'DELETE FROM {table}', f'TRUNCATE {table}', f'DROP TABLE {table} CASCADE', f'ALTER TABLE {table} ADD COLUMN x int',
                              f'ALTER TABLE {table} DISABLE TRIGGER ALL', f'ALTER TABLE {table} OWNER TO {me.login}',
                              f'ALTER TABLE {table} DISABLE ROW LEVEL SECURITY', f'CREATE POLICY p ON {table} USING (true)',
                              f'CREATE INDEX ON {table} ((1))', f'CREATE RULE r AS ON INSERT TO {table} DO INSTEAD NOTHING',
                              f'CREATE TRIGGER t BEFORE INSERT ON {table} EXECUTE FUNCTION sync_metadata.guard_lease()'):
                world.expect(me.login, DENIED, statement)
        # Nor can one host lock the others out of the tables they share.
        for table in TABLES:
            world.expect(me.login, DENIED, f'LOCK TABLE sync_metadata.{table} IN ACCESS EXCLUSIVE MODE')
        for statement in ('DROP SCHEMA sync_metadata CASCADE', f'DROP SCHEMA {me.clients[0].schema} CASCADE', 'DROP VIEW sync_metadata.v_sync_status',
                          f'ALTER SCHEMA {me.clients[0].schema} RENAME TO x', 'DROP FUNCTION sync_metadata.caller_cluster() CASCADE',
                          'DROP POLICY own_cluster ON sync_metadata.hosts', "SET session_replication_role = 'replica'",
                          'ALTER FUNCTION sync_metadata.guard_lease() RENAME TO x', 'ALTER VIEW sync_metadata.v_sync_status RESET (security_invoker)',
                          'CREATE OR REPLACE FUNCTION sync_metadata.caller_cluster() RETURNS text LANGUAGE sql AS $$ SELECT \'x\' $$',
                          'CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION sync_metadata.guard_lease()'):
            world.expect(me.login, DENIED, statement)


def check_catalog(world: World) -> None:
    """The same by inspection: whatever is added later must have been thought of here."""
    assert world.value("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'sync_metadata'::regnamespace "
                       "AND relkind = 'r'") == ' '.join(sorted(TABLES))
    nothing = {
        'tables without row security': "SELECT relname FROM pg_class WHERE relnamespace = 'sync_metadata'::regnamespace AND relkind = 'r' AND NOT relrowsecurity",
        'views that are not security_invoker': "SELECT relname FROM pg_class WHERE relnamespace = 'sync_metadata'::regnamespace AND relkind = 'v' "
                                               "AND NOT coalesce(reloptions, '{}') @> '{security_invoker=true}'",
        'objects of another owner': "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE (nspname = 'sync_metadata' OR nspname ~ '^client_') "
                                    "AND relowner <> 'sync_owner'::regrole UNION SELECT proname FROM pg_proc WHERE pronamespace = 'sync_metadata'::regnamespace "
                                    "AND proowner <> 'sync_owner'::regrole UNION SELECT nspname FROM pg_namespace WHERE (nspname = 'sync_metadata' OR nspname ~ '^client_') "
                                    "AND nspowner <> 'sync_owner'::regrole",
        'functions with a search_path of the caller': "SELECT proname FROM pg_proc WHERE pronamespace = 'sync_metadata'::regnamespace AND NOT coalesce(proconfig, '{}') "
                                                      "@> '{\"search_path=pg_catalog, sync_metadata, pg_temp\"}'",
        'functions for PUBLIC': "SELECT proname FROM pg_proc p WHERE pronamespace = 'sync_metadata'::regnamespace AND has_function_privilege('bystander', p.oid, 'EXECUTE')",
        'rights an agent has no use for': "SELECT c.oid::regclass, l FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace, "
                                          "unnest('{sync_service,sync_service_hostb,sync_agents,bystander}'::name[]) l WHERE (nspname = 'sync_metadata' OR nspname ~ '^client_') "
                                          "AND relkind = 'r' AND has_table_privilege(l, c.oid, 'DELETE, TRUNCATE, REFERENCES, TRIGGER')",
        'CREATE in a schema': "SELECT nspname, l FROM pg_namespace, unnest('{sync_service,sync_service_hostb,sync_agents,bystander}'::name[]) l "
                              "WHERE nspname !~ '^pg_temp' AND has_schema_privilege(l, oid, 'CREATE')",
        'grants that can be passed on': "SELECT relname FROM pg_class, aclexplode(relacl) a WHERE a.is_grantable AND a.grantee <> relowner",
    }
    for what, query in nothing.items():
        rows = world.must('postgres', query).rows
        assert rows == [], f'{what}: {rows}'
    may = world.must('postgres', "SELECT proname FROM pg_proc p WHERE pronamespace = 'sync_metadata'::regnamespace "
                                 "AND has_function_privilege('sync_service', p.oid, 'EXECUTE') ORDER BY proname").rows
    assert may == ['caller_cluster', 'change_schema', 'clear_quarantine', 'decide_held', 'enroll_host', 'expire_conflicts', 'fence', 'move_conflicts',
                   'own_machine', 'password_given_at', 'purge_cache_events', 'remove_rows', 'settle_edits', 'unkeep_rows'], may
    definer = world.must('postgres', "SELECT proname FROM pg_proc p WHERE pronamespace = 'sync_metadata'::regnamespace AND prosecdef ORDER BY proname").rows
    assert definer == ['caller_cluster', 'change_schema', 'clear_quarantine', 'create_client_tables', 'create_first_client_tables', 'decide_held',
                       'enroll_host', 'expire_conflicts', 'guard_sync_state', 'move_conflicts', 'own_machine', 'password_given_at', 'purge_cache_events', 'record_edit',
                       'record_truncate', 'remove_rows', 'settle_edits', 'unkeep_rows'], definer
