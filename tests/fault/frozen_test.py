"""
SQLite + Supabase Sync System - Frozen and Thawed

A run is stopped (SIGSTOP) before each of its statements in turn, another node syncs newer changes meanwhile, then the first is
thawed. It must not commit anything stale; the next run is right, nothing is applied twice, no conflict is invented.
"""

import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fault.scenario import Scenario, is_long, require  # noqa: E402
from support.product import Product  # noqa: E402
from support.wire_proxy import WireProxy  # noqa: E402


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


def freeze_before(scenario: Scenario, proxy: WireProxy, number: int, state: Optional[Path]) -> bool:
    """One round, frozen before its n-th statement; False when the run had fewer."""
    proxy.reset()
    frozen, go_on = threading.Event(), threading.Event()
    process = scenario.start(proxy.url)

    def freeze(statement: int, _: bytes) -> bool:
        if statement == number:
            os.kill(process.pid, signal.SIGSTOP)
            frozen.set()
            go_on.wait(120)
        return False

    proxy.before_statement = freeze
    while not frozen.wait(0.02):
        if process.poll() is not None:
            output, _ = process.communicate()
            require(process.returncode == 0, f'an undisturbed run failed: exit {process.returncode}\n{output}')
            return False
    scenario.mutate(10, 1000 + number)
    others_turn(scenario, state)
    os.kill(process.pid, signal.SIGCONT)
    go_on.set()
    output, _ = process.communicate(timeout=120)
    require(process.returncode in (0, 1), f'thawed run: exit {process.returncode}\n{output}')
    return True


def statements_of_a_run(scenario: Scenario, proxy: WireProxy) -> int:
    proxy.reset()
    scenario.mutate(20, 7)
    ran = scenario.sync(proxy.url)
    require(ran.code == 0, ran.output)
    return proxy.statements


def main() -> int:
    with Product() as product, WireProxy(product.cluster.url) as proxy:
        scenario = Scenario(product, 'frozen', chats=40, messages=150)
        scenario.synced()
        first = scenario.keys()
        total = statements_of_a_run(scenario, proxy)
        points: List[int] = list(range(1, total + 1)) if is_long() else sorted(set(range(max(1, total - 9), total + 1)) | {1, total // 2})
        other = product.directory / 'other-state'
        frozen = 0
        for shared in (True, False):
            for number in points:
                scenario.mutate(15, number)
                if not shared and not other.exists():
                    shutil.copytree(product.state, other)
                frozen += freeze_before(scenario, proxy, number, None if shared else other)
                scenario.expire_lease()
                scenario.synced()
                scenario.check(first)
        require(frozen >= len(points), f'only {frozen} of {2 * len(points)} runs were frozen')
        print(f'{frozen} runs frozen before {len(points)} of {total} statements, with shared and separate memories: equal, no conflict')
    return 0


if __name__ == '__main__':
    sys.exit(main())
