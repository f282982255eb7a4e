"""
SQLite + Supabase Sync System - Frozen and Thawed

A run is stopped (SIGSTOP) at every step from reading its memory to giving its lease back, its statement held on the wire;
another node syncs newer changes meanwhile; then the first is thawed and its statement goes on. It must not commit anything stale; the next run is right, nothing is applied twice, no conflict is invented.
"""

import os
import re
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import List, NamedTuple, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fault.scenario import Scenario, require  # noqa: E402
from support.product import Product  # noqa: E402
from support.wire_proxy import WireProxy  # noqa: E402


class Point(NamedTuple):
    """A statement of a run, or a message of several. Within a pipeline the server has what is before it."""

    name: str
    statement: bytes


POINTS: List[Point] = [
    Point('the lease is taken', rb'UPDATE sync_metadata.leader_election'), Point('the copy is asked', rb'_sync_state'),
    Point('held changes are asked', rb'FROM sync_metadata.held_changes'), Point('progress', rb'INSERT INTO sync_metadata.sync_progress'),
    Point('the transaction begins', rb"'statement_timeout', '600000'"), Point('rows are merged', rb'INSERT INTO "client_frozen"."'),
    Point('rows are removed', rb'remove_rows'), Point('the state is written', rb'INSERT INTO "client_frozen"._sync_state'),
    Point('the fence and COMMIT', rb'sync_metadata.fence\('),
    Point('the lease is given back', rb'SET expires_at = to_timestamp\(0\)'),
]


def others_turn(scenario: Scenario, state: Optional[Path]) -> None:
    """The other node: the frozen one's lease runs out, then it must get through within a minute."""
    deadline = time.monotonic() + 60
    output = ''
    while time.monotonic() < deadline:
        scenario.expire_lease()
        ran = scenario.sync(None, state)
        if ran.code == 0:
            return
        output = ran.output
    raise AssertionError(f'the other node never got through:\n{output}')


def freeze(scenario: Scenario, proxy: WireProxy, point: Point, turn: int, state: Optional[Path]) -> None:
    """One round: frozen when the statement of this point arrives at the proxy."""
    proxy.reset()
    frozen, go_on = threading.Event(), threading.Event()
    process = scenario.start(proxy.url)

    def stop(_: int, sql: bytes) -> bool:
        if re.search(point.statement, sql) and not frozen.is_set():
            os.kill(process.pid, signal.SIGSTOP)
            frozen.set()
            go_on.wait(120)
        return False

    proxy.before_statement = stop
    while not frozen.wait(0.02):
        if process.poll() is not None:
            output, _ = process.communicate()
            raise AssertionError(f'{point.name}: the run never got there: exit {process.returncode}\n{output}')
    scenario.change(1000 + turn)
    others_turn(scenario, state)
    os.kill(process.pid, signal.SIGCONT)
    go_on.set()
    output, _ = process.communicate(timeout=120)
    require(process.returncode in (0, 1), f'{point.name}: thawed run: exit {process.returncode}\n{output}')
    told = scenario.product.psql("SELECT last_sync_status FROM sync_metadata.client_deployments WHERE client_name = 'frozen'").strip()
    require(told != 'fenced', f'{point.name}: the thawed run spoke for the one that leads now')


def main() -> int:
    with Product() as product, WireProxy(product.cluster.url) as proxy:
        scenario = Scenario(product, 'frozen', chats=40, messages=400)
        scenario.synced()
        first = scenario.keys()
        other = product.directory / 'other-state'
        shutil.copytree(product.state, other)
        product.hand_over(other)
        turn = 0
        for turn, (state, point) in enumerate((state, point) for state in (None, other) for point in POINTS):
            scenario.change(turn)
            freeze(scenario, proxy, point, turn, state)
            scenario.expire_lease()
            scenario.synced()
            scenario.check(first)
            print(f'frozen before {point.name}, {"one memory" if state is None else "separate memories"}: right', flush=True)
    print(f'{turn + 1} runs frozen and thawed: equal, nothing twice, no conflict')
    return 0


if __name__ == '__main__':
    sys.exit(main())
