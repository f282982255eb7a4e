"""
SQLite + Supabase Sync System - The Life Of A Node

As systemd sees it: ready only when the bus name and the port are held, words in STATUS, the watchdog fed, a reload that keeps what was
when the new settings are bad, one process per node, a stop that gives the lease back. And the bus that dies under it.
"""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.couple import couple, small_client  # noqa: E402
from ha.failover_test import change_a_row  # noqa: E402
from ha.history import make_product  # noqa: E402
from support.nodes import Node, PrivateBus, leader_of, pair, until  # noqa: E402
from support.product import BINARIES, Product  # noqa: E402

LEASE = {'LEASE_DURATION': '10', 'HEARTBEAT_INTERVAL': '3'}


def owners(bus: PrivateBus) -> str:
    return subprocess.run(['busctl', f'--address={bus.address}', 'list', '--no-legend'], capture_output=True, text=True).stdout


def ready_when_it_holds_name_and_port(product: Product, bus: PrivateBus) -> None:
    node = Node(product, 'a', bus, **LEASE, WATCHDOG_USEC='4000000')
    with node:
        node.launch()
        node.settings['WATCHDOG_PID'] = str(node.pid)
        node.wait_for('READY=1')
        assert 'org.openwebui.SyncNode1.a' in owners(bus), owners(bus)
        assert node.health()['node_id'] == 'openwebui-sync-node-a'
        node.wait_for('WATCHDOG=1', 10)
        until('words for systemd', 15, lambda: "leads 'test-host', epoch" in node.status)
        twin = Node(product, 'a', bus, **LEASE)
        with twin:
            twin.launch()
            assert twin.process is not None and twin.process.wait(20) == 1
            assert str(node.pid) in twin.text(), twin.text()
        assert node.stop() == 0
        assert leader_of(product) is None, 'the lease was not given back'
        assert any('STOPPING=1' in message for message in node.said)


def ready_without_a_database(product: Product, bus: PrivateBus) -> None:
    with Node(product, 'b', bus, **LEASE) as node:
        node.settings['DATABASE_URL'] = 'postgresql://sync_service:no@127.0.0.1:1/x'
        node.start()
        assert node.health()['status'] == 'degraded'
        assert node.stop() == 0


def reload_keeps_what_was(product: Product, bus: PrivateBus) -> None:
    with tempfile.NamedTemporaryFile('w', suffix='.env', delete=False) as file:
        file.write('LEASE_DURATION=10\nHEARTBEAT_INTERVAL=3\nLOG_LEVEL=INFO\n')
    os.chmod(file.name, 0o644)
    node = Node(product, 'a', bus)
    node.arguments = ['--env-file', file.name]
    with node:
        node.start()
        for text, said in [('LEASE_DURATION=3\nHEARTBEAT_INTERVAL=9\n', 'LEASE_DURATION=3 is not above HEARTBEAT_INTERVAL=9'),
                           ('NONSENSE=1\n', 'NONSENSE'), ('CACHE_TTL=7\n', 'CACHE_TTL cannot change while the node runs'),
                           ('LEASE_DURATION=20\nHEARTBEAT_INTERVAL=4\nLOG_LEVEL=DEBUG\n', 'the settings were read again')]:
            Path(file.name).write_text(text)
            node.signal(signal.SIGHUP)
            until(f'{said!r} in the log', 10, lambda: said in node.text())
            assert node.process is not None and node.process.poll() is None
        assert node.text().count('the new settings are refused') == 3, node.text()
        until('four reloads told', 5, lambda: sum('RELOADING=1' in message for message in node.said) == 4)
        until('the longer lease', 15, lambda: (node.health()['lease_seconds_left'] or 0) > 10)
        assert node.stop() == 0
    os.unlink(file.name)


def F33_the_bus_dies_and_comes_back(product: Product, bus: PrivateBus) -> None:
    nodes = pair(product, bus, **LEASE)
    try:
        for node in nodes:
            node.start()
        leader = until('a leader', 15, lambda: leader_of(product))
        epoch = product.psql('SELECT epoch FROM sync_metadata.leader_election')
        for node in nodes:
            until('a healthy node', 15, lambda: node.health()['status'] == 'healthy')
        bus.kill()
        Path(bus.address.split('=')[1]).unlink(missing_ok=True)
        for node in nodes:
            assert node.health()['status'] == 'healthy', node.health()
        bus.start()
        until('both names on the new bus', 30, lambda: all(f'org.openwebui.SyncNode1.{c}' in owners(bus) for c in 'ab'))
        assert leader_of(product) == leader and product.psql('SELECT epoch FROM sync_metadata.leader_election') == epoch, 'stolen'
        assert [node.stop() for node in nodes] == [0, 0]
    finally:
        for node in nodes:
            node.clean()


def bad_settings_have_their_own_exit_code(product: Product, bus: PrivateBus) -> None:
    done = subprocess.run([str(BINARIES / 'sync-node'), '--node', 'a'], capture_output=True, text=True, timeout=20,
                          env={**product.environment(), 'LEASE_DURATION': '5', 'HEARTBEAT_INTERVAL': '9', 'API_PORT': 'x'})
    assert done.returncode == 78, done
    assert 'LEASE_DURATION' in done.stderr and 'API_PORT' in done.stderr, done.stderr


def what_was_written_right_before_a_stop_does_not_wait_for_an_interval(product: Product, bus: PrivateBus) -> None:
    path = small_client(product, 'late')
    product.must('sync-nodectl', 'client', 'resume', 'late')

    def value() -> int:
        with contextlib.closing(sqlite3.connect(path)) as source:
            return int(source.execute('SELECT last_active_at FROM user WHERE id = (SELECT min(id) FROM user)').fetchone()[0])

    def copied() -> bool:
        found = product.server.superuser_psql(f'SELECT last_active_at FROM {product.schema("late")}."user" ORDER BY id LIMIT 1')
        return found == str(value())

    with couple(product, bus, **LEASE) as nodes:
        until('the first sync', 30, lambda: product.server.superuser_psql(
            "SELECT 1 FROM sync_metadata.sync_jobs WHERE client_name = 'late' AND status = 'success'"))
        for _ in range(3):
            leader, _ = nodes.roles()
            change_a_row(path)
            leader.http('POST', '/api/v1/sync/trigger', {'client_name': 'late'})
            until('the copy', 20, copied)
            change_a_row(path)
            assert leader.stop() == 0
            until('the next leader to ship it', 20, copied)  # due by its interval in 300 s
            leader.start()


def main() -> int:
    with make_product() as product, PrivateBus() as bus:
        for part in (ready_when_it_holds_name_and_port, ready_without_a_database, reload_keeps_what_was, F33_the_bus_dies_and_comes_back,
                     bad_settings_have_their_own_exit_code, what_was_written_right_before_a_stop_does_not_wait_for_an_interval):
            part(product, bus)
            print(f'ok {part.__name__}', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
