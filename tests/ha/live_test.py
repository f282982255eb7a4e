"""
SQLite + Supabase Sync System - Live Clients And Unchanged Ones

Two nodes, and databases that are written to without anybody asking for a sync: the change of a live client arrives by itself, in WAL
and in rollback mode, by inotify and without one event of it; a client that does not change costs no statement, until something does.
"""

import re
import sqlite3
import sys
import time
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.couple import Couple, couple, expect, ok, small_client  # noqa: E402
from ha.metrics_checks import values  # noqa: E402
from support.nodes import PrivateBus, until  # noqa: E402
from support.private_postgres import PrivatePostgres  # noqa: E402
from support.product import Product  # noqa: E402

# Which program says what, to the server's own log.
SAYING_ALL = {'log_statement': 'all', 'log_line_prefix': '<%a> '}
SOON = 30


def write(path: str, title: str) -> None:
    database = sqlite3.connect(path)
    with database:
        database.execute('UPDATE chat SET title = ? WHERE rowid = 1', (title,))
    database.close()


def arrives(nodes: Couple, client: str, title: str) -> None:
    copy = f'client_{client}.chat'
    until(f'{title!r} of {client} to arrive', SOON,
          lambda: nodes.product.server.superuser_psql(f"SELECT count(*) FROM {copy} WHERE title = '{title}'") == '1', 0.01)


def make_live(nodes: Couple, client: str) -> None:
    nodes.product.must('sync-nodectl', 'client', 'set-interval', client, 'live')
    expect('resume', nodes.leader().http('POST', f'/api/v1/deployments/{client}/resume').status, 200)
    until(f'the first sync of {client}', SOON, lambda: jobs(nodes, client))


def jobs(nodes: Couple, client: str) -> List[str]:
    """Its jobs that ended well, by what asked for them."""
    return nodes.product.server.superuser_psql("SELECT triggered_by FROM sync_metadata.sync_jobs WHERE status IN ('success', 'held') "
                                               f"AND client_name = '{client}' ORDER BY started_at").splitlines()


def shown(nodes: Couple, client: str) -> str:
    return nodes.product.must('sync-nodectl', 'client', 'show', client).output


def check_live(nodes: Couple, client: str, path: str) -> None:
    make_live(nodes, client)
    assert 'live, active' in shown(nodes, client), shown(nodes, client)
    deployments = {one['client_name']: one for one in nodes.leader().http('GET', '/api/v1/deployments').body['deployments']}
    expect('its interval over HTTP', deployments[client]['sync_interval'], 0)
    # Open all the while, as an application has it.
    application = sqlite3.connect(path)
    for mode in ('wal', 'delete', 'wal'):
        application.execute(f'PRAGMA journal_mode={mode}')
        for number in range(5):
            title = f'{mode} {number} {time.monotonic_ns()}'
            with application:
                application.execute('UPDATE chat SET title = ? WHERE rowid = 1', (title,))
            arrives(nodes, client, title)
    application.close()
    expect('who asked for these jobs', set(jobs(nodes, client)), {'scheduled'})
    ok(f'what is written to {client} arrives by itself, whatever its journal mode')


def check_moved(nodes: Couple, client: str, path: str) -> None:
    """Another file in its place, as a restore leaves it."""
    other = Path(path + '.restored')
    source, copy = sqlite3.connect(path), sqlite3.connect(other)
    source.backup(copy)
    source.close()
    copy.close()
    write(str(other), 'restored')
    other.rename(path)
    arrives(nodes, client, 'restored')
    write(path, 'written after that')
    arrives(nodes, client, 'written after that')
    ok('a file that was replaced is followed on')


def check_handover(nodes: Couple, client: str, path: str) -> None:
    leader, _ = nodes.roles()
    expect('step-down', leader.http('POST', '/api/v1/leader/step-down').status, 202)
    until('the other one to lead', SOON, lambda: nodes.leader() is not leader)
    write(path, 'under the next leader')
    arrives(nodes, client, 'under the next leader')
    ok('the next leader follows it')


def worker_statements(nodes: Couple, since: int) -> List[str]:
    text = nodes.product.server.log.read_text(errors='replace')[since:]
    return re.findall(r'^<sync-node-[ab] worker> LOG:  (?:statement|execute [^:]*): (.*)$', text, re.M)


def check_unchanged(nodes: Couple, client: str, path: str) -> None:
    nodes.product.must('sync-nodectl', 'client', 'set-interval', client, '1')
    leader = nodes.leader()
    expect('resume', leader.http('POST', f'/api/v1/deployments/{client}/resume').status, 200)
    until('its first sync', SOON, lambda: jobs(nodes, client))

    def checks() -> float:
        return values(leader)['sync_unchanged_checks_total']

    began = checks()
    until('it to be found unchanged', SOON, lambda: checks() > began)
    begun, before, size = checks(), jobs(nodes, client), nodes.product.server.log.stat().st_size
    until('five more looks', SOON, lambda: checks() >= begun + 5)
    said = worker_statements(nodes, size)
    listing = [text for text in said if 'client_deployments' in text]
    others = [text for text in said if text not in listing and 'set_config' not in text and not text.startswith('SELECT pg_catalog.')]
    expect('what workers said meanwhile beside the list of the clients', others, [])
    assert len(listing) <= 3, said
    expect('jobs of an unchanged client', jobs(nodes, client), before)
    state = next(one for one in leader.http('GET', '/api/v1/deployments').body['deployments'] if one['client_name'] == client)
    assert state['checked_seconds'] < 10, state
    expect('who is late', leader.health()['status'], 'healthy')
    write(path, 'changed at last')
    arrives(nodes, client, 'changed at last')
    ok('an unchanged client is looked at without a statement, and synced when it changed')


def check_decided(nodes: Couple, client: str, path: str) -> None:
    """Deletes that the brake holds wait for a person; the decision is carried out although the source stays as it is."""
    database = sqlite3.connect(path)
    with database:
        database.execute('CREATE TABLE many(id INTEGER PRIMARY KEY)')
        database.execute('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300) INSERT INTO many SELECT i FROM n')
    server = nodes.product.server
    count = f'SELECT count(*) FROM client_{client}.many'
    until('the rows to arrive', SOON, lambda: server.superuser_psql(f"SELECT to_regclass('client_{client}.many') IS NOT NULL") == 't'
          and server.superuser_psql(count) == '300')
    with database:
        database.execute('DELETE FROM many')
    database.close()
    waiting = "SELECT count(*) FROM sync_metadata.held_changes WHERE status = 'waiting'"
    until('the deletes to be held', SOON, lambda: server.superuser_psql(waiting) == '1')
    leader = nodes.leader()
    began = values(leader)['sync_unchanged_checks_total']
    until('it to be found unchanged', SOON, lambda: values(leader)['sync_unchanged_checks_total'] > began)
    expect('what the copy holds of held deletes', server.superuser_psql(count), '300')
    nodes.product.release_held()
    until('the released deletes to be done', SOON, lambda: server.superuser_psql(count) == '0')
    ok('a decision needs no change of the source to be carried out')


def main() -> int:
    with PrivatePostgres(settings=SAYING_ALL) as server, Product('live', server) as product, PrivateBus() as bus:
        paths = {name: small_client(product, name) for name in ['live', 'deaf', 'still']}
        with couple(product, bus) as nodes:
            check_unchanged(nodes, 'still', paths['still'])
            check_decided(nodes, 'still', paths['still'])
            check_live(nodes, 'live', paths['live'])
            check_moved(nodes, 'live', paths['live'])
            check_handover(nodes, 'live', paths['live'])
            server.superuser_psql("UPDATE sync_metadata.client_deployments SET sync_enabled = false")
        with couple(product, bus, SYNC_NODE_TEST_DROP_INOTIFY='1') as nodes:
            check_live(nodes, 'deaf', paths['deaf'])
    return 0


if __name__ == '__main__':
    sys.exit(main())
