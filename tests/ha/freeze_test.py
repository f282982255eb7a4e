"""
SQLite + Supabase Sync System - Frozen Leaders

The leader is stopped by SIGSTOP and goes on later: shorter than the lease (nothing may change hands), and longer (the other node
leads after the lease has run out, not before, and the woken one writes nothing). The bus name of the cluster follows the new leader although its
owner is frozen. SYNC_NODE_LONG=1: 30 rounds of 3, 45 and 70 s with the default lease; else one of each kind with a short one.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.failover_test import SAMPLE, make_clients  # noqa: E402
from ha.history import History, make_product  # noqa: E402
from support.nodes import PrivateBus, leader_of, pair, until  # noqa: E402

LONG = bool(os.environ.get('SYNC_NODE_LONG'))
LEASE = 60 if LONG else 6
FREEZES = [3, 45, 70] * 10 if LONG else [1, 10]


def name_owner(bus: PrivateBus) -> int:
    """The pid behind the unqualified name; 0 when nobody owns it."""
    done = subprocess.run(['busctl', f'--address={bus.address}', 'call', 'org.freedesktop.DBus', '/', 'org.freedesktop.DBus',
                           'GetConnectionUnixProcessID', 's', 'org.openwebui.SyncNode1'], capture_output=True, text=True)
    return int(done.stdout.split()[1]) if done.returncode == 0 else 0


def main() -> int:
    with make_product() as product, PrivateBus() as bus:
        clients = make_clients(product, 2)
        history = History(product.server, [product.schema(name) for name, _ in clients])
        writers = [subprocess.Popen([sys.executable, '-B', SAMPLE, 'mutate', path, '--seconds', '36000', '--rate', '10', '--seed', str(i)],
                                    stdout=subprocess.DEVNULL) for i, (_, path) in enumerate(clients)]
        nodes = pair(product, bus, LEASE_DURATION=str(LEASE), HEARTBEAT_INTERVAL=str(LEASE // 3), BRAKE_MIN_ROWS='1000000000')
        try:
            for node in nodes:
                node.start()
            for seconds in FREEZES:
                leader_id = until('a leader', 90, lambda: leader_of(product))
                leader = next(node for node in nodes if node.node_id == leader_id)
                other = next(node for node in nodes if node is not leader)
                begun = time.time()
                until('the leader to write', 30, lambda: any(e.kind == 'data' for e in history.entries(begun)))
                until('the name to be the leader\'s', 10, lambda: name_owner(bus) == leader.pid)
                at = time.time()
                leader.signal(signal.SIGSTOP)
                until('the freeze to end', seconds + 5, lambda: time.time() - at >= seconds)
                grants = [e for e in history.entries(at) if e.kind == 'grant']
                # How long the lease still ran is between the step-down margin and the whole.
                if seconds < LEASE / 2:
                    assert not grants, f'the lease of a leader frozen for {seconds} s was taken: {grants}'
                if seconds > LEASE + LEASE / 3 + 2:
                    assert grants and grants[0].at - at > LEASE / 3, f'taken {grants[0].at - at if grants else None} s after the freeze'
                    assert name_owner(bus) == other.pid, 'the name stayed with the frozen node'
                woken = time.time()
                leader.signal(signal.SIGCONT)
                until('a leader to write again', 90, lambda: any(e.kind == 'data' for e in history.entries(woken)))
                history.check()
                print(f'frozen {seconds} s: {"taken after %.1f s" % (grants[0].at - at) if grants else "kept"}', flush=True)
        except BaseException:
            for node in nodes:
                print(f'--- node {node.letter}\n{node.text()[-4000:]}')
            raise
        finally:
            for writer in writers:
                writer.kill()
                writer.wait()
            for node in nodes:
                node.clean()
        print(f'{history.check()} terms, no write under an epoch that was over')
    return 0


if __name__ == '__main__':
    sys.exit(main())
