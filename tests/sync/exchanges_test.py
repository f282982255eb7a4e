"""
SQLite + Supabase Sync System - Exchanges Of A Run

How often a run that a node is asked for waits for its server: a proxy counts every change of direction on the worker's connection,
directly and by way of PgBouncer in both modes. A small change takes three, a run that finds nothing takes two. Where there is no pooler
the worker keeps its connection for the next run.
"""

import sqlite3
import sys
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.couple import expect, ok, small_client  # noqa: E402
from ha.pooler import Pooler  # noqa: E402
from support.nodes import Node, PrivateBus, until  # noqa: E402
from support.private_postgres import PrivatePostgres  # noqa: E402
from support.product import Product  # noqa: E402
from support.slow_link import SlowLink  # noqa: E402

# The question who and where it is (postgres/open.cpp), and the word with which it leaves.
COMES, LEAVES = 1, 1
# So that all that is sent at once has been sent when the first answer comes.
DELAY = 0.02
ROWS = "UPDATE chat SET title = title || '!' WHERE rowid <= {}"
CHANGES: Dict[str, List[str]] = {
    'one changed row': [ROWS.format(1)],
    '50 changed rows of several tables': [ROWS.format(10), "UPDATE message SET content = content || '?' WHERE rowid <= 40"],
    'rows that came and went': ["DELETE FROM message WHERE rowid IN (SELECT rowid FROM message ORDER BY rowid DESC LIMIT 3)",
                                "INSERT INTO tag (id, name, user_id) VALUES ('x', 'x', 'x')"],
    'nothing changed': [],
}


def change(path: str, statements: List[str]) -> None:
    database = sqlite3.connect(path)
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


def synced(node: Node, name: str) -> None:
    where = node.http('POST', '/api/v1/sync/trigger', {'client_name': name}).headers['Location']

    def over() -> bool:
        return node.http('GET', where).body['status'] not in ('pending', 'running')

    until('the run to end', 30, over)
    until('the worker to be done', 10, lambda: node.health()['jobs']['running'] == 0)
    expect('status of the job', node.http('GET', where).body['status'], 'success')


def counted(product: Product, bus: PrivateBus, url: str, way: str) -> None:
    name = f'client-by-{way}'
    path = small_client(product, name)
    with SlowLink(url, DELAY) as link, Node(product, 'a', bus, DATABASE_URL=link.url) as node:
        node.start()
        until('it to lead', 20, lambda: node.health()['is_leader'])
        synced(node, name)
        for what, statements in CHANGES.items():
            change(path, statements)
            before = {id(talk): talk.working for talk in link.talks}
            synced(node, name)
            # The one that lists the clients now and then has the same name.
            workers = [talk for talk in link.talks if talk.program.endswith(' worker') and b'_sync_state' in talk.said
                       and talk.working > before.get(id(talk), 0)]
            expect(f'{way}, {what}: connections', len(workers), 1)
            exchanges = workers[0].working - before.get(id(workers[0]), COMES)
            if way == 'direct':
                expect(f'{way}, {what}: it stays', workers[0].ended, False)
            else:
                until('it to have left', 10, lambda: all(talk.ended for talk in workers))
                exchanges = workers[0].working - COMES - LEAVES
            expect(f'{way}, {what}: exchanges', exchanges, 3 if statements else 2)
            ok(f'{way}: {what}, {exchanges} exchanges')
        expect('exit code', node.stop(), 0)
    problems = product.oracle(name, path).problems
    assert not problems, problems


def main() -> int:
    with PrivatePostgres() as server, Product('exchanges', server) as product, PrivateBus() as bus:
        counted(product, bus, product.cluster.url, 'direct')
        for mode in ('session', 'transaction'):
            with Pooler(mode, product.cluster.url, 4) as pooler:
                counted(product, bus, pooler.url, mode)
    return 0


if __name__ == '__main__':
    sys.exit(main())
