"""
SQLite + Supabase Sync System - Registration, decisions, retention, applying again
"""

import json
import subprocess
from pathlib import Path

from support.private_postgres import server_binaries
from world import ADMIN, SOURCE, World, literal

DENIED = '42501'
HELD = 'UPDATE sync_metadata.held_changes SET '


def check_registration(world: World) -> None:
    """Taken names are refused by name, across hosts; registering starts nothing."""
    register = 'SELECT sync_metadata.register_client({}, {}, {}, {}, {}, {})'

    def attempt(state: str, cluster: str, name: str, container: object = None, config: object = None, interval: object = None) -> str:
        return world.expect(ADMIN, state, register.format(literal(cluster), literal(name), literal(container), "'/srv/x'", literal(interval),
                                                          literal(config))).text

    said = attempt('SN004', 'host-b', 'HOST.A one')
    assert 'client_host_a_one' in said and 'host-a-one' in said and "cluster 'host-a'" in said, said
    attempt('SN004', 'host-a', 'host-a-one')
    attempt('SN002', 'absent', 'new')
    for name in (None, '', ' ', 'a/b', ' a', 'a ', 'a\tb', 'x' * 57, '---'):
        attempt('SN003', 'host-a', name)
    for name in ('x' * 56, 'Müller & Söhne', 'a;DROP SCHEMA sync_metadata CASCADE', "o'neil", 'a"b', '日本語', '%I'):
        attempt('00000', 'host-a', name)
    attempt('23514', 'host-a', 'new', interval=-1)
    attempt('23514', 'host-a', 'new', config='[]')
    world.expect(ADMIN, 'SN004', 'CREATE SCHEMA client_new;' + register.format("'host-a'", "'new'", 'NULL', 'NULL', 'NULL', 'NULL'))
    twice = [register.format(f"'{cluster}'", f"'new {number}'", "'box'", 'NULL', 'NULL', 'NULL')
             for number, cluster in enumerate(('host-a', 'host-a', 'host-b'))]
    world.expect(ADMIN, 'SN004', f'{twice[0]};{twice[1]}')
    world.expect(ADMIN, '00000', f'{twice[0]};{twice[2]}')
    row = world.value("SELECT sync_enabled, sync_interval, config, schema_name, status FROM sync_metadata.client_deployments WHERE client_name = 'host-a-one'")
    assert row == 'f|300|{}|client_host_a_one|active', row


def check_logins(world: World) -> None:
    """One login per cluster, and only a login that can become nobody else."""
    register = "SELECT sync_metadata.register_cluster('{}', '{}')"
    world.expect(ADMIN, '00000', register.format('host-a', 'sync_service'))
    for cluster, login, state in (('host-a', 'sync_service_hostb', 'SN004'), ('host-c', 'sync_service', 'SN004'), ('host-a', 'bystander', 'SN004'),
                                  ('host-c', 'absent', 'SN003'), ('host-c', ADMIN, 'SN003'), ('host-c', 'postgres', 'SN003'),
                                  ('host-c', 'sync_owner', 'SN003'), ('host-c', 'sync_agents', 'SN003'), ('', 'bystander', '23514')):
        world.expect(ADMIN, state, register.format(cluster, login))
    world.expect(ADMIN, '00000', register.format('host-c', 'bystander'))
    for weakness in ('GRANT sync_service TO bystander', 'GRANT bystander TO sync_service', 'GRANT pg_read_all_data TO bystander',
                     'GRANT sync_owner TO bystander', 'ALTER ROLE bystander CREATEDB', 'ALTER ROLE bystander NOLOGIN', 'ALTER ROLE bystander NOINHERIT',
                     'ALTER ROLE bystander CREATEROLE'):
        world.expect('postgres', 'SN003', f"{weakness}; {register.format('host-c', 'bystander')}")


def check_held_changes_are_decided_once(world: World) -> None:
    """By decide_held, by somebody, once; an agent's own UPDATE can neither release nor forge."""
    for me, other in world.pairs():
        mine = f"WHERE held_id = '{me.held}' RETURNING 1"
        for change in ("status = 'released'", "status = 'rejected'", "status = 'applied'"):
            world.expect(me.login, DENIED, f'{HELD} {change} {mine}')
        assert world.expect(me.login, '00000', f'{HELD} rows_held = 5, last_seen_at = now() {mine}').one() == '1'
        assert world.expect(me.login, '00000', f"{HELD} status = 'withdrawn' {mine}").one() == '1'
        world.expect(me.login, DENIED, f"{HELD} status = 'withdrawn' {mine}; {HELD} status = 'waiting' {mine}")
        insert = ("INSERT INTO sync_metadata.held_changes (deployment_id, table_name, kind, rows_held, rows_total, generation{}) "
                  f"VALUES ('{me.clients[0].deployment}', 't', 'mass_delete', 1, 1, 1{{}})")
        for column, value in ((', status', ", 'released'"), (', decided_by', ", 'x'"), (', decided_at', ', now()'), (', first_seen_at', ', now()')):
            world.expect(me.login, DENIED, insert.format(column, value))
        world.expect(me.login, '23505', insert.format('', '') + ';' + insert.format('', ''))
        decide = "SELECT sync_metadata.decide_held('{}', {}, {});"
        for held in (other.held, '00000000-0000-0000-0000-000000000000'):
            world.expect(me.login, 'SN002', decide.format(held, "'released'", "'a person'"))
        for decision, person in (("'applied'", "'x'"), ("'waiting'", "'x'"), ('NULL', "'x'"), ("'released'", "' '"), ("'released'", 'NULL')):
            world.expect(me.login, 'SN003', decide.format(me.held, decision, person))
        release = decide.format(me.held, "'released'", "'a person'")
        world.expect(me.login, 'SN003', release + release)
        world.expect(me.login, DENIED, f'{release} {HELD} rows_held = 1000 {mine}')
        world.expect(me.login, DENIED, f"{release} {HELD} status = 'waiting' {mine}")
        for end in ('applied', 'withdrawn'):
            assert world.expect(me.login, '00000', f"{release} {HELD} status = '{end}' {mine}").rows[-1] == '1'
            world.expect(me.login, DENIED, f"{release} {HELD} status = '{end}' {mine}; {HELD} status = 'released' {mine}")
        world.expect(me.login, DENIED, f"{HELD} decided_by = 'me' {mine}")
        world.expect(me.login, DENIED, f"{decide.format(me.held, chr(39) + 'rejected' + chr(39), chr(39) + 'x' + chr(39))} {HELD} status = 'applied' {mine}")
        for who in (me.login, ADMIN):
            audit = world.expect(who, '00000', release + f"SELECT status, decided_by, decided_login, decided_at > now() - interval '1 min' "
                                                         f"FROM sync_metadata.held_changes WHERE held_id = '{me.held}'").rows[-1]
            assert audit == f'released|a person|{who}|t', audit


def check_status_view_and_jobs(world: World) -> None:
    """A finished job says when and how long; the view shows it, and what waits."""
    for me, _ in world.pairs():
        done = world.expect(me.login, '00000', f"UPDATE sync_metadata.sync_jobs SET status = 'held', rows_synced = 7 WHERE job_id = '{me.job}' "
                                               f"RETURNING completed_at IS NOT NULL AND duration_seconds >= 0; UPDATE sync_metadata.client_deployments "
                                               f"SET last_sync_at = now() - interval '30 s', last_sync_status = 'held' WHERE client_name = '{me.clients[0].name}';"
                                               f"SELECT last_job_status, last_job_rows_synced, round(lag_seconds), held_count, rows_held, open_conflicts, "
                                               f"values_quarantined IS NULL FROM sync_metadata.v_sync_status WHERE client_name = '{me.clients[0].name}'").rows
        assert done == ['t', 'held|7|30|1|9|1|t'], done


def check_deregistered_clients_are_nobodys(world: World) -> None:
    """Closed to their host at once, and to the host alone; only registering brings them back."""
    me = world.sides[0]
    ended, other = me.clients
    prelude = f"SELECT sync_metadata.deregister_client('{ended.name}', 'a person'); SET SESSION AUTHORIZATION {me.login};"
    clients = 'UPDATE sync_metadata.client_deployments SET {} ' + f"WHERE deployment_id = '{ended.deployment}'"
    for state, sql in (('42501', f'SELECT FROM {ended.schema}.chat'), ('42501', f'INSERT INTO {ended.schema}.chat VALUES (11)'),
                       ('SN002', f"SELECT sync_metadata.change_schema('{ended.deployment}', 1, '[]')"),
                       ('SN002', f"SELECT sync_metadata.remove_rows('{ended.deployment}', 1, 2, 'chat', '{{id}}', '[]')"),
                       ('23514', clients.format("status = 'active'")), ('23514', clients.format('sync_enabled = true')),
                       (DENIED, clients.format('deregistered_at = NULL')), ('00000', f'SELECT FROM {other.schema}.chat')):
        world.expect('postgres', state, f'{prelude}{sql}')
    again = (f"RESET SESSION AUTHORIZATION; SELECT sync_metadata.register_client('{me.cluster}', '{ended.name}', 'box', '/srv/y', NULL, NULL);"
             f'SET SESSION AUTHORIZATION {me.login}; SELECT count(*) FROM {ended.schema}.chat')
    assert world.expect('postgres', '00000', f'{prelude}{again}').rows[-2:] == [ended.deployment, '9']
    taken = f"SELECT sync_metadata.register_client('host-b', '{ended.name}', NULL, NULL, NULL, NULL)"
    world.expect(ADMIN, 'SN004', f"SELECT sync_metadata.deregister_client('{ended.name}', 'x'); {taken}")
    for login in (me.login, world.sides[1].login):
        world.expect(login, DENIED, f"SELECT sync_metadata.deregister_client('{ended.name}', 'x')")
        world.expect(login, DENIED, f"SELECT sync_metadata.drop_client('{ended.name}')")
    world.expect(ADMIN, 'P0002', "SELECT sync_metadata.deregister_client('absent', 'x')")


def check_a_client_is_not_deregistered_beside_a_job(world: World) -> None:
    """A job that runs refuses it; one that waits is cancelled; one that only says it runs is ended."""
    me = world.sides[0]
    client = me.clients[0]
    end = f"SELECT sync_metadata.deregister_client('{client.name}', 'a person');"
    job = "INSERT INTO sync_metadata.sync_jobs (deployment_id, client_name, status, epoch) " f"VALUES ('{client.deployment}', '', '{{}}', {{}});"
    last = f"SELECT status FROM sync_metadata.sync_jobs WHERE deployment_id = '{client.deployment}' ORDER BY queued_at DESC LIMIT 1"
    said = world.expect(ADMIN, '55006', job.format('running', 1) + end).text
    assert f"client '{client.name}' is being synced by job" in said, said
    assert world.expect(ADMIN, '00000', job.format('pending', 1) + end + last).rows[-1] == 'cancelled'
    assert world.expect(ADMIN, '00000', job.format('running', 0) + end + last).rows[-1] == 'failed'
    over = f"UPDATE sync_metadata.leader_election SET expires_at = to_timestamp(0) WHERE cluster_name = '{me.cluster}';"
    assert world.expect('postgres', '00000', over + job.format('running', 1) + end + last).rows[-1] == 'failed'


def check_a_job_that_begins_meanwhile_waits(world: World) -> None:
    """Who comes second, the job or the end, sees the other one."""
    me = world.sides[0]
    admin, agent = world.fresh(ADMIN), world.fresh(me.login)
    try:
        deployment = admin.run(f"SELECT sync_metadata.register_client('{me.cluster}', 'raced', NULL, NULL, NULL, NULL)").one()
        job = ("INSERT INTO sync_metadata.sync_jobs (deployment_id, client_name, status, epoch) " f"VALUES ('{deployment}', '', '{{}}', 1) RETURNING job_id")
        end = "SELECT sync_metadata.deregister_client('raced', 'x')"
        waits = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"
        waiting = agent.run(job.format('pending')).one()
        agent.run(f"BEGIN; {job.format('running')}")
        pending = admin.send(end)
        world.wait_until(waits)
        agent.run('COMMIT')
        assert pending.answer().state == '55006'
        agent.run(f"UPDATE sync_metadata.sync_jobs SET status = 'success' WHERE status = 'running' AND deployment_id = '{deployment}'")
        admin.run(f'BEGIN; {end}')
        pending = agent.send(job.format('running'))
        world.wait_until(waits)
        admin.run('COMMIT')
        assert pending.answer().state == '00000'
        assert agent.run('SELECT FROM client_raced._sync_state').state == DENIED
        begin = f"UPDATE sync_metadata.sync_jobs SET status = 'running' WHERE job_id = '{waiting}' AND status = 'pending' RETURNING job_id"
        assert agent.run(begin).rows == []
    finally:
        admin.run("ROLLBACK; SELECT sync_metadata.deregister_client('raced', 'x'); SELECT sync_metadata.drop_client('raced')")
        admin.close()
        agent.close()
    assert world.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'client_raced'") == '0'


# What somebody may make of a client's table, how it is listed, and what a refusal says of it.
USERS = (
    ('CREATE VIEW public.v AS SELECT title FROM {chat}', 'view public.v', 'view public.v depends on table'),
    ('CREATE MATERIALIZED VIEW public.m AS SELECT title FROM {chat}', 'materialized view public.m', 'materialized view public.m depends on'),
    ('CREATE TABLE public.r (id bigint REFERENCES {chat})', 'table constraint r_id_fkey on public.r', 'constraint r_id_fkey on table public.r'),
    ('CREATE TABLE public.h () INHERITS ({chat})', 'table public.h', 'table public.h depends on table'),
    ("CREATE FUNCTION public.f() RETURNS SETOF {chat} LANGUAGE sql AS 'SELECT * FROM {chat}'", 'function public.f()',
     'function public.f() depends on type'),
    ("CREATE FUNCTION public.f({chat}) RETURNS int LANGUAGE sql AS 'SELECT 1'", 'function public.f({schema}.chat)', 'function public.f({schema}.chat)'),
    ('CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM {chat}; END', 'function public.f()',
     'function public.f() depends on table'),
    ('CREATE TABLE public.t (x int, c {chat})', 'table column public.t.c', 'column c of table public.t depends on type'),
    ('CREATE TABLE public.t (c {chat}[])', 'table column public.t.c', 'column c of table public.t depends on type'),
    ('CREATE TABLE public.t (x int); CREATE POLICY p ON public.t USING (EXISTS (SELECT FROM {chat}))', 'policy p on public.t',
     'policy p on table public.t depends on table'),
    ('CREATE VIEW {schema}.inside AS SELECT title FROM {chat}', 'view {schema}.inside', 'view {schema}.inside depends on table'),
    ("CREATE FUNCTION {schema}.inside() RETURNS int LANGUAGE sql AS 'SELECT 1'", 'function {schema}.inside()', 'function {schema}.inside() depends on schema'),
)


def check_dropping_takes_nothing_else_along(world: World) -> None:
    """Only what is deregistered, and never what somebody made of it, which is named beforehand and by the refusal."""
    me = world.sides[0]
    client = me.clients[0]
    end, drop = f"SELECT sync_metadata.deregister_client('{client.name}', 'x');", f"SELECT sync_metadata.drop_client('{client.name}');"
    world.expect(ADMIN, 'SN003', drop)
    chat = f'{client.schema}.chat'
    for made, name, refusal in USERS:
        listed = f"SELECT sync_metadata.dependents_of('{client.schema}')"
        found = world.expect('postgres', '00000', f'{made.format(chat=chat, schema=client.schema)};{listed}').rows[-1]
        assert found == name.format(schema=client.schema), found
        said = world.expect('postgres', '2BP01', f'{made.format(chat=chat, schema=client.schema)};{end}{drop}').text
        assert f"schema '{client.schema}' is in use: " in said and refusal.format(schema=client.schema) in said, said
    assert world.value(f"SELECT sync_metadata.dependents_of('{client.schema}') IS NULL") == 't'
    before = world.value("SELECT count(*) FROM sync_metadata.sync_jobs")
    left = world.expect(ADMIN, '00000', f"""{end}{drop}
        SELECT to_regnamespace('{client.schema}') IS NULL, (SELECT count(*) FROM sync_metadata.client_deployments WHERE client_name = '{client.name}'),
               (SELECT count(*) FROM sync_metadata.sync_jobs), (SELECT count(*) FROM sync_metadata.conflict_log WHERE client_name = '{client.name}');
        SELECT count(*) FROM {me.clients[1].schema}.chat""").rows
    assert left[-2:] == [f't|0|{int(before) - 1}|0', '9'], left


def check_purge_keeps_what_waits(world: World) -> None:
    """Old finished history goes; open conflicts, waiting decisions and each client's last job stay."""
    me = world.sides[0]
    schema = me.clients[0].schema
    purged = world.expect('postgres', '00000', f"""
        INSERT INTO sync_metadata.sync_jobs (deployment_id, client_name, status, started_at, completed_at)
        SELECT '{me.clients[0].deployment}', 'x', 'success', now() - d, now() - d FROM unnest('{{40 d,35 d,31 d}}'::interval[]) d;
        UPDATE sync_metadata.sync_jobs SET started_at = now() - interval '50 d', completed_at = now() - interval '50 d', status = 'failed'
         WHERE deployment_id = '{me.clients[1].deployment}';
        UPDATE sync_metadata.conflict_log SET detected_at = now() - interval '60 d';
        UPDATE sync_metadata.conflict_log SET resolved_at = now() - interval '45 d' WHERE conflict_id = '{me.resolved_conflict}';
        UPDATE sync_metadata.held_changes SET first_seen_at = now() - interval '60 d', last_seen_at = now() - interval '60 d';
        UPDATE {schema}._sync_archive SET removed_at = now() - interval '31 d';
        UPDATE {schema}._sync_edits SET edited_at = now() - interval '60 d';
        SELECT sync_metadata.purge_history('30 days');
        SELECT count(*) FROM sync_metadata.sync_jobs WHERE deployment_id IN ('{me.clients[0].deployment}', '{me.clients[1].deployment}')""").rows
    done = json.loads(purged[-2])
    assert done == {'conflict_log': 1, 'sync_jobs': 3, 'cache_events': 0, 'held_changes': 0, 'archive': 1, 'edits': 0}, done
    assert purged[-1] == '2', purged


def dump(world: World, database: str) -> str:
    """Schema, grants and policies as text."""
    done = subprocess.run([str(server_binaries() / 'pg_dump'), '-s', '-h', str(world.server.directory), '-p', str(world.server.port), '-U', 'postgres', database],
                          capture_output=True, text=True, check=True)
    return '\n'.join(line for line in done.stdout.splitlines() if not line.startswith(('\\restrict', '\\unrestrict')))


def check_applying_again_changes_nothing(world: World) -> None:
    """A migration that is applied twice fails or does nothing; the roles of another database are found, not made."""
    files = sorted(Path(SOURCE, 'sql').glob('[0-9][0-9]-*.sql'))
    before = dump(world, world.database)
    states = [world.run(ADMIN, f'BEGIN;\n{path.read_text()}\nCOMMIT;').state for path in files]
    assert states[0] == '42P06' and states[1] == '00000', states
    assert dump(world, world.database) == before
    world.must('postgres', f'CREATE DATABASE second OWNER {ADMIN}')
    world.database, first, sessions, world.sessions = 'second', world.database, world.sessions, {}
    try:
        for strength in ('CREATEDB', 'BYPASSRLS'):
            world.must('postgres', f'ALTER ROLE sync_service {strength}')
            refused = world.run(ADMIN, 'BEGIN;' + ''.join(path.read_text() for path in files[:2]) + ';ROLLBACK')
            assert refused.state == 'SN004', refused.text
            world.must('postgres', f'ALTER ROLE sync_service NO{strength}')
        for path in files:
            done = world.run(ADMIN, f'BEGIN;\n{path.read_text()}\nCOMMIT;')
            assert done.state == '00000', f'{path.name}: {done.text}'
        assert world.value('SELECT count(*) FROM sync_metadata.hosts') == '0'
        assert world.must('postgres', 'SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = \'sync_service\'').one() == 't'
    finally:
        for session in world.sessions.values():
            session.close()
        world.database, world.sessions = first, sessions
