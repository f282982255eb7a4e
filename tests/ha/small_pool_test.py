"""
SQLite + Supabase Sync System - Two Nodes And A Pool Of Two

Both nodes and their workers through PgBouncer with two server connections, in session and in transaction mode. First loads of
several clients at once end well, no job fails because it had to queue, a full pool is told as what it is, and a killed
leader is followed although its successor had to get every connection anew.
"""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.couple import SAMPLE, Couple, couple, expect, ok  # noqa: E402
from ha.history import History, make_product  # noqa: E402
from ha.pooler import Pooler  # noqa: E402
from support.nodes import PrivateBus, leader_of, until  # noqa: E402
from support.product import Product  # noqa: E402

CLIENTS = ['one', 'two', 'three']
QUEUE_SECONDS = 2  # what PgBouncer lets a client wait; 120 unless told


def large_client(product: Product, name: str) -> str:
    """With a table that is loaded over a connection of its own (more than 2,000 rows)."""
    path = str(product.directory / f'{name}.db')
    subprocess.run([sys.executable, '-B', SAMPLE, 'build', path, '--users', '20', '--chats', '50', '--messages', '6000'], check=True)
    product.register(name, path)
    product.must('sync-nodectl', 'client', 'resume', name)
    return path


def statuses(product: Product) -> List[str]:
    found = product.server.superuser_psql('SELECT DISTINCT status FROM sync_metadata.sync_jobs ORDER BY 1')
    return found.split()


def copied(product: Product, name: str) -> bool:
    return product.server.superuser_psql(f"SELECT last_sync_status FROM sync_metadata.client_deployments WHERE client_name = '{name}'") == 'success'


def change(path: str) -> bool:
    """A client that does not change is not run."""
    source = sqlite3.connect(path)
    source.execute("UPDATE chat SET title = title || '.' WHERE rowid = 1")
    source.commit()
    source.close()
    return True


class Guest:
    """Somebody else who takes a server connection of the pool and keeps it."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(['psql', url, '-qAtX'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def enter(self) -> 'Guest':
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write('BEGIN; SELECT 1;\n')
        self.process.stdin.flush()
        assert self.process.stdout.readline() == '1\n', 'the guest was not let in'
        return self

    def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


def first_loads(world: Couple) -> None:
    for name in CLIENTS:
        until(f'client {name} to be copied', 60, lambda: copied(world.product, name))
    expect('statuses of all jobs', [word for word in statuses(world.product) if word not in ('running', 'pending')], ['success'])
    ok('first loads, two workers at once')


def full_pool(world: Couple, url: str, path: str) -> None:
    leader, follower = world.roles()
    guest = Guest(url).enter()  # between two jobs; the leader's lease has the other connection
    try:
        until('a job to be kept waiting', 40, lambda: change(path) and 'stays due' in leader.text())
        until('the follower to be kept waiting', 40, lambda: 'no server connection to spare' in str(follower.health()['reasons']))
        health = follower.health()
        expect('status of the follower', health['status'], 'degraded')
        expect('its database', health['database']['reachable'], True)
        expect('the leader', leader_of(world.product), leader.node_id)
    finally:
        guest.leave()
    at = time.time()
    until('the follower to be well again', 40, lambda: follower.health()['status'] == 'healthy')
    until('jobs again', 20, lambda: change(path) and int(world.product.server.superuser_psql(
        f"SELECT count(*) FROM sync_metadata.sync_jobs WHERE status = 'success' AND started_at > to_timestamp({at!r})")))
    expect('statuses of all jobs', [word for word in statuses(world.product) if word not in ('running', 'pending')], ['success'])
    ok('a full pool: jobs stay due, the follower does not call the database gone')


def killed_leader(world: Couple) -> None:
    leader, follower = world.roles()
    at = time.monotonic()
    leader.kill()
    until('the other to lead', 10, lambda: leader_of(world.product) == follower.node_id, 0.005)
    took = time.monotonic() - at
    assert took < 3, f'{took:.2f} s'
    leader.start()
    until('it to follow', 20, lambda: leader.health()['leader_id'] == follower.node_id)
    ok(f'a killed leader is followed after {took * 1000:.0f} ms')


def main() -> int:
    for mode in ('session', 'transaction'):
        print(f'{mode} mode', flush=True)
        with make_product() as product, PrivateBus() as bus, Pooler(mode, product.cluster.url, 2, QUEUE_SECONDS) as pooler:
            paths = {name: large_client(product, name) for name in CLIENTS}
            history = History(product.server, [product.schema(name) for name in CLIENTS])
            product.server.superuser_psql('UPDATE sync_metadata.client_deployments SET sync_interval = 1')
            with couple(product, bus, DATABASE_URL=pooler.url, SYNC_WORKERS='2', LEASE_DURATION='15', HEARTBEAT_INTERVAL='3') as world:
                first_loads(world)
                if mode == 'session':
                    full_pool(world, pooler.url, paths['one'])
                killed_leader(world)
                for name, path in paths.items():
                    until(f'all of {name} to be copied', 30, lambda: not product.oracle(name, path).problems)
                expect('exit codes', [node.stop() for node in world.nodes], [0, 0])
            history.check()
    return 0


if __name__ == '__main__':
    sys.exit(main())
