"""
SQLite + Supabase Sync System - Failover

Two real nodes on a private bus, several clients that are written to all the time. The leader is killed, or stopped, again
and again; printed are the times until the other node's lease and its first committed write, and at the end the
history must keep law L3. SYNC_NODE_LONG=1: 200 of each, SYNC_NODE_TIMES=N: N, else 10. SYNC_NODE_POOLER=session|transaction[:SIZE] puts PgBouncer with SIZE
server connections (else 2) between the nodes and the server.
"""

import contextlib
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.history import History, make_product  # noqa: E402
from ha.pooler import Pooler  # noqa: E402
from support.nodes import Node, PrivateBus, leader_of, pair, until  # noqa: E402
from support.product import Product  # noqa: E402

SAMPLE = str(Path(__file__).resolve().parents[1] / 'support/openwebui_sample.py')
CLIENTS = 6


def make_clients(product: Product, count: int) -> List[Tuple[str, str]]:
    """Small databases, due every second."""
    clients = []
    for number in range(count):
        name, path = f'load{number}', str(product.directory / f'load{number}.db')
        subprocess.run([sys.executable, '-B', SAMPLE, 'build', path, '--users', '5', '--chats', '20', '--messages', '50'], check=True)
        product.register(name, path)
        product.must('sync-nodectl', 'client', 'resume', name)
        clients.append((name, path))
    product.server.superuser_psql('UPDATE sync_metadata.client_deployments SET sync_interval = 1')
    return clients


def quantile(values: List[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(values: List[float]) -> Dict[str, float]:
    return {'n': len(values), 'p50_ms': round(statistics.median(values) * 1000, 1), 'p99_ms': round(quantile(values, 0.99) * 1000, 1),
            'max_ms': round(max(values) * 1000, 1)}


def change_a_row(path: str) -> None:
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as application, application:
        application.execute('UPDATE user SET last_active_at = last_active_at + 1 WHERE id = (SELECT min(id) FROM user)')


def change_leaders(product: Product, nodes: List[Node], clients: List[Tuple[str, str]], history: History, times: int,
                   end: Callable[[Node], Any]) -> Dict[str, Any]:
    """Ends the leader `times` times in the midst of its jobs; how long until the other's grant and first write committed."""
    grants: List[float] = []
    writes: List[float] = []
    for _ in range(times):
        leader_id = until('a leader', 30, lambda: leader_of(product))
        leader = next(node for node in nodes if node.node_id == leader_id)
        # It works, so that there is something to take over.
        begun = time.time()
        until('the leader to write', 30, lambda: any(e.kind == 'data' for e in history.entries(begun)))
        # Jobs that wait and will find a change, so that the next leader has something to write the moment it leads.
        for name, _ in clients:
            leader.http('POST', '/api/v1/sync/trigger', {'client_name': name})
        for _, path in clients:
            change_a_row(path)
        at = time.time()
        end(leader)

        def first_write() -> Any:
            entries = history.entries(at)
            granted = next((e for e in entries if e.kind == 'grant'), None)
            wrote = next((e for e in entries if granted and e.kind in ('data', 'job') and e.epoch == granted.epoch), None)
            return (granted, wrote) if wrote else None

        # The figures are the server's commit times; asking meanwhile would only take the nodes' processor from them.
        granted, wrote = until('the other node to write', 60, first_write, 0.2, first=0.3)
        grants.append(granted.at - at)
        writes.append(wrote.at - at)
        if leader.process is not None and leader.process.poll() is None:
            leader.stop()
        leader.start()
    return {'until the lease': summary(grants), 'until the first committed write': summary(writes)}


@contextlib.contextmanager
def way_to(product: Product) -> Iterator[Dict[str, str]]:
    """Settings of nodes that reach the server as SYNC_NODE_POOLER says; the tests themselves always ask it directly."""
    wanted = os.environ.get('SYNC_NODE_POOLER')
    if not wanted:
        yield {}
        return
    mode, _, size = wanted.partition(':')
    with Pooler(mode, product.cluster.url, int(size or 2)) as pooler:
        print(f'through PgBouncer, {mode} mode, {int(size or 2)} server connections', flush=True)
        yield {'DATABASE_URL': pooler.url}


def main() -> int:
    times = int(os.environ.get('SYNC_NODE_TIMES') or (200 if os.environ.get('SYNC_NODE_LONG') else 10))
    with make_product() as product, PrivateBus() as bus, way_to(product) as way:
        clients = make_clients(product, CLIENTS)
        history = History(product.server, [product.schema(name) for name, _ in clients])
        writers = [subprocess.Popen([sys.executable, '-B', SAMPLE, 'mutate', path, '--seconds', '36000', '--rate', '5', '--seed', str(i)],
                                    stdout=subprocess.DEVNULL) for i, (_, path) in enumerate(clients)]
        nodes = pair(product, bus, BRAKE_MIN_ROWS='1000000000', **way)
        try:
            for node in nodes:
                node.start()
            killed = change_leaders(product, nodes, clients, history, times, lambda node: node.kill())
            print('SIGKILL of the leader:', json.dumps(killed), flush=True)
            stopped = change_leaders(product, nodes, clients, history, times, lambda node: node.ask_to_stop())
            print('graceful stop of the leader:', json.dumps(stopped), flush=True)
        except BaseException:
            for node in nodes:
                print(f'--- node {node.letter}\n{node.text()[-6000:]}')
            raise
        finally:
            for writer in writers:
                writer.kill()
                writer.wait()
            codes = [node.stop() for node in nodes if node.process is not None]
            for node in nodes:
                node.clean()
        assert codes == [0, 0], f'exit codes {codes}'
        grants = history.check()
        print(f'{grants} terms, no write under an epoch that was over')
        # Whatever happened, the copies are right afterwards.
        for name, path in clients:
            ran = product.sync(name, path)
            assert ran.code == 0, ran.output
            report = product.oracle(name, path)
            assert not report.problems, report.problems[:5]
    return 0


if __name__ == '__main__':
    sys.exit(main())
