"""
SQLite + Supabase Sync System - Crash Loop

SIGKILL at 300 random instants (SYNC_NODE_LONG=1: 3,000) of syncs that run back to back while the application writes. Every few kills a run
is left alone; at the end everything must be equal, nothing archived that was not deleted, no conflict.
"""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fault.scenario import Scenario, is_long, is_starved, require  # noqa: E402
from support.product import Product  # noqa: E402

LEFT_ALONE = 8  # one run in so many may finish


def outcome(scenario: Scenario, after: float) -> str:
    """killed, finished, or starved: no quiet moment beside the application within the time it may take."""
    process = scenario.start()
    try:
        output, _ = process.communicate(timeout=after)  # the random instant
        starved = is_starved(process.returncode, output)
        require(starved or process.returncode == 0, f'sync exit {process.returncode}\n{output}')
        return 'starved' if starved else 'finished'
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        scenario.expire_lease()
        return 'killed'


def main() -> int:
    rng = random.Random(11)
    seen: 'Counter[str]' = Counter()
    wanted = 3000 if is_long() else 300
    with Product() as product:
        scenario = Scenario(product, 'loop')
        scenario.release_brake()
        scenario.synced()
        first = scenario.keys()
        started = time.monotonic()
        scenario.mutate(20, 1)
        scenario.synced()
        usual = time.monotonic() - started
        writer = scenario.writer(36000, 30)
        try:
            while seen['killed'] < wanted:
                alone = seen.total() % LEFT_ALONE == LEFT_ALONE - 1
                seen[outcome(scenario, 120 if alone else rng.uniform(0, usual * 1.1))] += 1
        finally:
            writer.kill()
            writer.communicate()
        scenario.synced()
        scenario.check(first)
        require(seen['finished'] > seen['starved'], f'starved too often: {dict(seen)}')
        print(f'{dict(seen)}, {sum(scenario.archive().values())} rows archived, equal, no conflict')
    return 0


if __name__ == '__main__':
    sys.exit(main())
