"""
SQLite + Supabase Sync System - Values by key, cache events, jobs that wait
"""

import re
import subprocess
from typing import List

from support.private_postgres import server_binaries
from world import ADMIN, SOURCE, Side, World, literal

DENIED = '42501'
PUT = "INSERT INTO sync_metadata.state_values (key, value, updated_by) VALUES ('{}', '{}', 'a person');"
EVENTS = "SELECT cache_key || ' ' || action FROM sync_metadata.cache_events WHERE xact = pg_current_xact_id() ORDER BY event_id"
QUEUE = "WITH c AS (SELECT '{}'::uuid AS id) INSERT INTO sync_metadata.sync_jobs (deployment_id, client_name, status) SELECT id, '', 'pending' FROM c"


def query(name: str, *values: object) -> str:
    """A statement of the agent with its parameters, as SQL."""
    lines = (SOURCE / 'sql/queries' / f'{name}.sql').read_text().splitlines()
    text = '\n'.join(line for line in lines if not line.startswith('--'))
    for number, value in reversed(list(enumerate(values, 1))):
        text = text.replace(f'${number}', literal(value) if not isinstance(value, bool) else str(value).lower())
    return text


def check_versions_are_the_servers(world: World) -> None:
    """Version, time and login of a value are nobody's to choose; each write is one version more."""
    for me, _ in world.pairs():
        for columns, values in (('version', '7'), ('updated_at', 'now()'), ('updated_login', "'other'")):
            world.expect(me.login, DENIED, f"INSERT INTO sync_metadata.state_values (key, value, updated_by, {columns}) VALUES ('n', '1', 'x', {values})")
        rows = world.expect(me.login, '00000', PUT.format('n', '1') + "UPDATE sync_metadata.state_values SET value = '2', updated_by = 'somebody' WHERE key = 'n';"
                            "SELECT version, updated_by, updated_login, updated_at > now(), cluster_name FROM sync_metadata.state_values WHERE key = 'n'").rows
        assert rows == [f'2|somebody|{me.login}|t|{me.cluster}'], rows
        upsert = "INSERT INTO sync_metadata.state_values AS s (key, value, updated_by) VALUES ('k', '3', 'x') ON CONFLICT (cluster_name, key) " \
                 "DO UPDATE SET value = excluded.value, updated_by = excluded.updated_by RETURNING version"
        assert world.expect(me.login, '00000', upsert).one() == '2'
        # An admin's hand is counted too, and cannot choose either.
        rows = world.expect(ADMIN, '00000', f"UPDATE sync_metadata.state_values SET version = 99, updated_at = 'epoch', updated_login = 'x' WHERE key = 'k' "
                                            f"AND cluster_name = '{me.cluster}' RETURNING version, updated_at > now(), updated_login").rows
        assert rows == ['2|t|admin'], rows
        for change in ("key = 'k2'", f"cluster_name = '{world.sides[0].cluster if me is world.sides[1] else world.sides[1].cluster}'"):
            world.expect(ADMIN, '23514', f"UPDATE sync_metadata.state_values SET {change} WHERE key = 'k' AND cluster_name = '{me.cluster}'")


def check_value_limits(world: World) -> None:
    """Keys and values have bounds; what belongs to a client is not kept twice."""
    me = world.sides[0]
    for state, key, value in (('00000', 'x' * 200, '1'), ('23514', 'x' * 201, '1'), ('23514', '', '1'), ('23514', 'a\tb', '1'), ('23514', 'deployment.x', '1'),
                              ('23514', 'ü' * 101, '1'), ('22P02', 'j', '{'), ('00000', 'j', 'null'), ('00000', "it''s", '{"b":1,"a":1}')):
        world.expect(me.login, state, PUT.format(key, value))
    for state, size in (('00000', 1048576), ('23514', 1048577)):
        world.expect(me.login, state, f"INSERT INTO sync_metadata.state_values (key, value, updated_by) VALUES ('big', to_json(repeat('x', {size} - 2)), 'x')")
    kept = world.expect(me.login, '00000', PUT.format('t', '{"b": 1,  "a":1.0}') + "SELECT value FROM sync_metadata.state_values WHERE key = 't'").one()
    assert kept == '{"b": 1,  "a":1.0}', 'a value has to come back as it was given'


def check_put_query(world: World) -> None:
    """The agent's write: any version, this version, none."""
    me = world.sides[0]

    def put(key: str, wanted: object) -> List[str]:
        return world.expect(me.login, '00000', query('state_put', me.cluster, key, '5', 'x', wanted)).rows
    assert put('new', None)[0].startswith('1|') and put('new', 0)[0].startswith('1|') and put('k', None)[0].startswith('2|') and put('k', 1)[0].startswith('2|')
    assert put('new', 1) == [] and put('k', 0) == [] and put('k', 2) == []


def check_deployment_versions(world: World) -> None:
    """The version of what deployment.<client> shows moves with that, and with nothing else."""
    for me, _ in world.pairs():
        name = me.clients[0].name
        update = 'UPDATE sync_metadata.client_deployments SET {} ' + f"WHERE client_name = '{name}' RETURNING state_version, state_updated_at > now()"
        before = int(world.value(f"SELECT state_version FROM sync_metadata.client_deployments WHERE client_name = '{name}'"))
        for change, moved in (('sync_enabled = true', 1), ('sync_interval = 7', 1), ("status = 'paused'", 1), ('sync_interval = sync_interval', 0),
                              ("last_sync_at = now(), last_sync_status = 'success'", 0), ('next_sync_at = now()', 0)):
            row = world.expect(me.login, '00000', update.format(change)).one()
            assert row == f'{before + moved}|{"t" if moved else "f"}', f'{change}: {row}'
        for change, moved in (("config = '{\"x\": 1}'", 1), ("config = config || '{}'", 0), ("sqlite_path = '/elsewhere'", 1), ("container_name = 'c'", 1),
                              ("fqdn = 'f'", 1), ('state_version = 1000', 0)):
            assert world.expect(ADMIN, '00000', update.format(change)).one().split('|')[0] == str(before + moved), change


def check_every_change_leaves_an_event(world: World) -> None:
    """Whoever changes something: an event for the right cluster, in the same transaction."""
    for me, other in world.pairs():
        client = me.clients[0]
        mine = f"WHERE client_name = '{client.name}';"
        key = f'deployment.{client.name}'
        for who in (me.login, ADMIN):
            value = f"WHERE key = 'k' AND cluster_name = '{me.cluster}';"
            for statement, left in (
                    (f"UPDATE sync_metadata.state_values SET value = '2' {value}", ['k invalidate']),
                    (f'UPDATE sync_metadata.client_deployments SET sync_enabled = true {mine}', [f'{key} invalidate']),
                    (f"UPDATE sync_metadata.client_deployments SET last_sync_at = now() {mine}", [])):
                rows = world.expect(who, '00000', statement + EVENTS).rows
                assert rows == left, f'{who}: {statement}: {rows}'
        assert world.expect(me.login, '00000', PUT.format('n', '1') + EVENTS).rows == ['n refresh']
        assert world.expect(ADMIN, '00000', f"DELETE FROM sync_metadata.state_values WHERE cluster_name = '{me.cluster}' AND key = 'k';{EVENTS}").rows == ['k delete']
        renamed = world.expect(ADMIN, '00000', f"UPDATE sync_metadata.client_deployments SET client_name = 'renamed' {mine}{EVENTS}").rows
        assert sorted(renamed) == sorted([f'{key} invalidate', 'deployment.renamed invalidate']), renamed
        born = world.expect(ADMIN, '00000', f"SELECT WHERE sync_metadata.register_client('{me.cluster}', 'newborn', NULL, NULL, NULL, NULL) IS NULL; {EVENTS}").rows
        assert born == ['deployment.newborn refresh'], born
        seen = world.expect(other.login, '00000', f"SELECT count(*) FROM sync_metadata.cache_events WHERE cluster_name = '{me.cluster}'").one()
        assert seen == '0', seen
        world.expect(me.login, DENIED, "INSERT INTO sync_metadata.cache_events (cache_key, action, xact) VALUES ('k', 'delete', '1')")


def check_events_are_announced(world: World) -> None:
    """A committed event is a notice on channel sync_node that shows nobody's keys; a rolled back one is none."""
    me = world.sides[0]
    url = f'postgresql://bystander@/{world.database}?host={world.server.directory}&port={world.server.port}'
    listener = subprocess.Popen([str(server_binaries() / 'psql'), '-X', '-q', '-A', '-t', '-d', url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    listener.stdin.write('LISTEN sync_node;\n\\echo listening\n')
    listener.stdin.flush()
    assert listener.stdout.readline() == 'listening\n'
    world.attempt(me.login, PUT.format('never', '1'))
    world.must(me.login, "UPDATE sync_metadata.state_values SET value = '{\"secret\": true}' WHERE key = 'k'")
    said = listener.communicate("SELECT 'done';\n", timeout=60)[0]
    payloads = re.findall(r'"sync_node" with payload "(.*?)" received', said, re.S)
    event = world.value(f"SELECT max(event_id) FROM sync_metadata.cache_events WHERE cluster_name = '{me.cluster}'")
    assert payloads == [f'{me.cluster}\ncache {event}'], said


def check_polls_miss_nothing(world: World) -> None:
    """An event whose transaction began before, and committed after, events that were already seen."""
    me = world.sides[0]
    slow, quick = world.fresh(me.login), world.fresh(me.login)

    def poll(position: object) -> tuple:
        rows = world.must(me.login, query('cache_events_since', me.cluster, position)).rows
        assert len({row.split('|')[0] for row in rows}) == 1, rows
        return rows[0].split('|')[0], {row.split('|')[1] for row in rows} - {''}
    try:
        position, keys = poll(None)
        assert keys == set(), 'a first look takes the position only'
        slow.run('BEGIN;' + PUT.format('slow', '1'))
        assert quick.run(PUT.format('quick', '1')).state == '00000'
        position, keys = poll(position)
        assert keys == {'quick'}, keys
        assert slow.run('COMMIT').state == '00000'
        position, keys = poll(position)
        assert 'slow' in keys, keys
        position, keys = poll(position)
        assert keys == set(), keys
        assert poll(position)[1] == set()
    finally:
        slow.close()
        quick.close()
        world.must(ADMIN, "DELETE FROM sync_metadata.state_values WHERE key IN ('slow', 'quick')")


def check_old_events_are_purged(world: World) -> None:
    """An agent drops its own cluster's old events; an admin those of all; nobody the fresh ones."""
    me, other = world.sides
    purge = "SELECT sync_metadata.purge_cache_events('{}');"
    age = "UPDATE sync_metadata.cache_events SET created_at = now() - interval '2 h' WHERE cache_key = 'k';"
    left = "SELECT string_agg(DISTINCT cluster_name, ' ' ORDER BY cluster_name) FROM sync_metadata.cache_events WHERE cache_key = 'k'"
    for wrong in ('59 min', '0', '-1 h'):
        world.expect(me.login, 'SN003', purge.format(wrong))
        world.expect(ADMIN, 'SN003', purge.format(wrong))
    world.expect(me.login, 'SN003', 'SELECT sync_metadata.purge_cache_events(NULL)')
    world.expect('bystander', DENIED, purge.format('1 h'))
    old = world.expect(ADMIN, '00000', age + f"SELECT count(*) FROM sync_metadata.cache_events WHERE cache_key = 'k'; {purge.format('1 h')}" + left).rows
    assert old[0] == old[1] and int(old[0]) >= 2 and old[2] == '', old
    assert world.expect('postgres', '00000', f"{age} SET LOCAL SESSION AUTHORIZATION {me.login}; {purge.format('1 h')} RESET SESSION AUTHORIZATION; {left}"
                        ).rows[-1] == other.cluster
    assert int(world.expect(me.login, '00000', query('cache_events_purge', 3600)).one()) == 0


def check_jobs_wait_their_turn(world: World) -> None:
    """Asked for, begun, cancelled: with times of the server, and nothing of it is somebody else's."""
    for me, other in world.pairs():
        one, two = me.clients
        asked = world.expect(me.login, '00000', query('job_queue', one.name, 'a person', 'full') + ';' + query('job_queue', one.name, 'another', 'full') + ';'
                             + query('job_queue', one.name, 'another', 'incremental') + ';' + query('job_queue', other.clients[0].name, 'x', 'full')).rows
        assert len(asked) == 3 and asked[0] == asked[1] != asked[2] and asked[0].endswith('|active'), asked
        for status, accepted in (('paused', True), ('stopped', False), ('migrating', False)):
            as_it_is = f"UPDATE sync_metadata.client_deployments SET status = '{status}' WHERE client_name = '{two.name}';"
            said = world.expect(me.login, '00000', as_it_is + query('job_queue', two.name, 'x', 'full')).one()
            assert said.split('|')[1] == status and bool(said.split('|')[0]) == accepted, said
        world.expect(me.login, '23514', query('job_queue', one.name, 'x', 'wrong'))
        job = world.must(me.login, query('job_queue', one.name, 'a person', 'full')).one().split('|')[0]
        try:
            row = world.expect(me.login, '00000', query('job_pending', me.cluster)).rows
            assert [line.split('|')[:4] for line in row] == [[job, one.name, 'full', 'a person']] and float(row[0].split('|')[4]) >= 0, row
            assert world.expect(other.login, '00000', query('job_pending', me.cluster)).rows == []
            for statement in (query('job_begin', job, 1), query('job_cancel', job, 'x'), query('job_show', job)):
                assert world.expect(other.login, '00000', statement).rows == [], statement
            began = world.expect(me.login, '00000', query('job_begin', job, 1) + ';' + query('job_begin', job, 1) + ';' + query('job_cancel', job, 'x') + ';'
                                 + f"SELECT status, epoch, started_at > now() AND queued_at < now() FROM sync_metadata.sync_jobs WHERE job_id = '{job}'").rows
            assert began == [f'{one.name}|full|a person', 'running|1|t'], began
            gone = world.expect(me.login, '00000', query('job_cancel', job, 'a person') + ';' + query('job_begin', job, 1) + ';' + query('job_show', job)).rows
            shown = gone[1].split('|')
            assert gone[0] == one.name and len(gone) == 2 and shown[2] == 'cancelled' and shown[5] == '' and shown[15] == '' and shown[6] and shown[16], gone
            stopped = world.expect(me.login, '00000', query('job_begin', job, 1) + ';' + query('job_stopped', job, 'cancelled', 'why') + ';' + query('job_stopped', job, 'failed', 'x') + ';'
                                   + f"SELECT status FROM sync_metadata.sync_jobs WHERE job_id = '{job}'").rows
            assert stopped == [f'{one.name}|full|a person', job, 'cancelled'], stopped
            assert world.expect(other.login, '00000', query('job_stopped', job, 'failed', 'x')).rows == []
            other_jobs = world.expect(me.login, '00000', query('job_start', one.name, 'a person', 'incremental', 1) + ';' + query('job_pending', me.cluster)).rows
            assert len(other_jobs) == 2, 'a job that waits is nobody\'s to abandon'
            world.expect(me.login, DENIED, f"UPDATE sync_metadata.sync_jobs SET started_at = now() WHERE job_id = '{job}'")
        finally:
            world.must('postgres', f"DELETE FROM sync_metadata.sync_jobs WHERE job_id = '{job}'")


def check_verifies_are_jobs(world: World) -> None:
    """A verify keeps its kind and its report, differs alone, says nothing of the last sync, and ends with its term."""
    for me, other in world.pairs():
        one = me.clients[0]
        asked = world.must(me.login, query('job_queue', one.name, 'a person', 'verify')).one()
        job = asked.split('|')[0]
        try:
            waits = world.expect(me.login, '00000', query('job_queue', one.name, 'another', 'verify') + ';' + query('job_pending', me.cluster)).rows
            assert waits[0] == asked and waits[1].split('|')[:3] == [job, one.name, 'verify'], waits
            last = "SELECT last_job_id FROM sync_metadata.v_sync_status WHERE client_name = '" + one.name + "'"
            run = query('job_begin', job, 3) + ';'
            report = query('job_report', job, '{"equal": false, "a": "\\u0000"}') + ';'
            done = world.expect(me.login, '00000', run + report + query('job_finish', job, 'differs', 1, 1, 0, 0, 0, 0, 'why', 1, 'verify', 0, 0) + ';'
                                + query('job_show', job) + ';' + last).rows
            assert done[1].split('|')[2:4] == ['differs', 'verify'] and done[1].endswith('|{"equal": false, "a": "\\u0000"}'), done
            assert done[2] == me.job, 'a verify is not the last sync'
            world.expect(me.login, '23514', run + query('job_finish', job, 'differs', 1, 1, 0, 0, 0, 0, 'why', 1, 'incremental', 0, 0))
            world.expect(me.login, '23514', query('job_report', me.job, '{}'))
            world.expect(me.login, '23514', f"UPDATE sync_metadata.sync_jobs SET report = to_json(repeat('x', 4194303)) WHERE job_id = '{job}'")
            world.expect(me.login, '22P02', query('job_report', job, 'no json'))
            seen = world.expect(other.login, '00000', report + f"SELECT count(*) FROM sync_metadata.sync_jobs WHERE job_id = '{job}'").rows
            assert seen == ['0'], 'the report of another host'
            # Of an earlier term: ended by who leads now, unless the next sync of the client will.
            earlier = query('job_abandon_earlier', me.cluster, 4) + ';'
            ended = world.expect(me.login, '00000', run + earlier + query('job_show', job)).rows
            assert ended[1] == job and ended[2].split('|')[2] == 'failed', ended
            for rows in (world.expect(me.login, '00000', earlier).rows, world.expect(me.login, '00000', run + query('job_abandon_earlier', me.cluster, 3)).rows[1:],
                         world.expect(other.login, '00000', earlier).rows):
                assert job not in rows, rows
            for enabled, expected in ((True, []), (False, [me.job])):
                rows = world.expect(me.login, '00000', f"UPDATE sync_metadata.client_deployments SET sync_enabled = {enabled} WHERE client_name = '{one.name}';"
                                    f"UPDATE sync_metadata.sync_jobs SET epoch = 1 WHERE job_id = '{me.job}';" + earlier).rows
                assert rows == expected, (enabled, rows)
        finally:
            world.must('postgres', f"DELETE FROM sync_metadata.sync_jobs WHERE job_id = '{job}'")


def check_what_control_shows(world: World) -> None:
    """The lists of the node: what waits does not hide what was, and the counts are there."""
    me: Side = world.sides[0]
    one = me.clients[0]
    rows = world.expect(me.login, '00000', f"UPDATE sync_metadata.sync_jobs SET status = 'failed', error_message = 'broken' WHERE job_id = '{me.job}';"
                        + QUEUE.format(one.deployment) + ';' + query('deployments_list', me.cluster)).rows
    listed = {row.split('|')[0]: row.split('|') for row in rows}
    assert sorted(listed) == sorted(client.name for client in me.clients), rows
    shown = listed[one.name]
    assert shown[1] == one.schema and shown[4:7] == ['active', 'f', '300'] and shown[9:11] == ['broken', me.job] and shown[11:15] == ['', '1', '1', '1'], shown
    jobs = world.expect(me.login, '00000', query('jobs_list', one.name, 100) + ';' + query('jobs_list', None, 1)).rows
    assert len(jobs) == 2 and jobs[0].split('|')[0] == me.job, jobs
    assert world.expect(me.login, '00000', query('job_tables', me.job)).rows == ['chat|running|||||||']
    open_ones = world.expect(me.login, '00000', query('conflicts_list', one.name, None, None, False, 100)).rows
    both = world.expect(me.login, '00000', query('conflicts_list', None, None, None, True, 100)).rows
    assert [row.split('|')[0] for row in open_ones] == [me.open_conflict] and len(both) == 4, (open_ones, both)
    for table, kind, found in (('chat', None, 1), ('user', None, 0), (None, 'update_conflict', 1), ('chat', 'custom', 0)):
        assert len(world.expect(me.login, '00000', query('conflicts_list', one.name, table, kind, False, 100)).rows) == found, (table, kind)
        (first, *_) = world.expect(me.login, '00000', query('conflicts_matching', one.name, table, kind, 100)).rows
        assert first == (f'{me.open_conflict}|1|1' if found else '||0'), (table, kind, first)
    assert world.expect(me.login, '00000', query('conflicts_matching', 'nobody', None, None, 100)).rows == []
    them = world.sides[1]
    assert world.expect(me.login, '00000', query('conflicts_matching', them.clients[0].name, None, None, 100)).rows == []
    for beginning in (me.open_conflict, me.open_conflict.upper(), me.open_conflict[:13], me.open_conflict[:9]):
        shown = world.expect(me.login, '00000', query('conflict_show', beginning)).rows
        assert [row.split('|')[0] for row in shown] == [me.open_conflict], (beginning, shown)
    assert len(world.expect(me.login, '00000', query('conflict_show', '')).rows) == 2
    assert world.expect(me.login, '00000', query('conflict_show', them.open_conflict)).rows == []
    nodes = world.expect(me.login, '00000', query('cluster_status', me.cluster)).rows
    assert len(nodes) == 2 and [row.split('|')[4] for row in nodes] == ['leader', 'follower'] and nodes[0].split('|')[0] == me.host, nodes
    assert world.expect(me.login, '00000', query('cluster_status', world.sides[1].cluster)).rows == []
