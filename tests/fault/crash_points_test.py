"""
SQLite + Supabase Sync System - Crash Points

SIGKILL right before and right after every COMMIT of a first load, of an incremental sync and of a recheck, one at a time. The
next run must be right: equal by the oracle, archive exact, no conflict.
"""

import sys
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fault.scenario import Scenario, require  # noqa: E402
from support.product import Product  # noqa: E402
from support.wire_proxy import WireProxy  # noqa: E402


def killed_at(scenario: Scenario, proxy: WireProxy, side: str, number: int) -> bool:
    """Runs a sync that is killed at its n-th COMMIT; False when it ended before it got there."""
    proxy.reset()
    process = scenario.start(proxy.url)
    hit = []

    def kill(commit: int, _: bytes) -> bool:
        if commit != number or hit:
            return False
        hit.append(commit)
        process.kill()
        process.wait()
        return True

    setattr(proxy, f'{side}_commit', kill)
    output, _ = process.communicate(timeout=120)
    require(bool(hit) or process.returncode == 0, f'an undisturbed run failed: exit {process.returncode}\n{output}')
    return bool(hit)


def campaign(product: Product, kind: str, prepare: Callable[[Scenario, int], None]) -> int:
    """Every boundary of one kind of run, until a run has no n-th COMMIT any more."""
    done = 0
    scenario = Scenario(product, kind.replace(' ', '-'), chats=30, messages=100)
    if kind != 'first load':
        scenario.synced()
    with WireProxy(product.cluster.url) as proxy:
        for side in ('before', 'after'):
            number = 1
            while True:
                if kind == 'first load':
                    scenario = Scenario(product, f'first-{side}-{number}', chats=30, messages=100)
                prepare(scenario, number)
                hit = killed_at(scenario, proxy, side, number)
                if hit:
                    scenario.expire_lease()
                    scenario.synced()
                scenario.check()
                if not hit:
                    break
                done += 1
                number += 1
    print(f'{kind}: killed at {done} commit boundaries', flush=True)
    return done


def lose_memory(scenario: Scenario, number: int) -> None:
    scenario.mutate(15, number)
    for path in sorted(scenario.product.state.rglob('*')):
        if path.is_file():
            path.unlink()


def main() -> int:
    with Product() as product:
        campaigns = {'first load': lambda scenario, number: None, 'incremental': lambda scenario, number: scenario.mutate(25, number),
                     'recheck': lose_memory}
        for kind, prepare in campaigns.items():
            require(campaign(product, kind, prepare) >= 2, f'{kind}: fewer boundaries than a fenced transaction has')
    return 0


if __name__ == '__main__':
    sys.exit(main())
