"""
SQLite + Supabase Sync System - Four Writers Beside a Sync

Four writers that reconnect for every transaction, as the application does, unpaced, in WAL and in legacy journal mode; pairs of
runs, one alone and one with syncs running back to back. The application must see no error and no more busy retries than alone;
latencies are printed side by side, with the ratio of their p99.9. Afterwards the copy must be equal.

Short form: 2 pairs of 8 s a mode. SYNC_NODE_LONG=1: 10 pairs of 60 s.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fault.scenario import SAMPLE, Scenario, is_long, is_starved, require  # noqa: E402
from support.product import Product  # noqa: E402

WRITERS = 4
Figures = Dict[str, float]


def write(scenario: Scenario, journal: str, seconds: float, seed: int) -> List['subprocess.Popen[str]']:
    return [subprocess.Popen([sys.executable, '-B', SAMPLE, 'mutate', scenario.path, '--seconds', str(seconds), '--journal', journal,
                              '--seed', str(seed * 100 + number)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for number in range(WRITERS)]


def measure(scenario: Scenario, journal: str, seconds: float, seed: int, beside: bool) -> Figures:
    """One run; an error of a writer ends the test."""
    writers = write(scenario, journal, seconds, seed)
    syncs = starved = 0
    deadline = time.monotonic() + seconds
    while beside and time.monotonic() < deadline:
        ran = scenario.sync()
        # Giving up rather than delaying the application is allowed, saying nothing about it is not.
        if is_starved(ran.code, ran.output):
            starved += 1
        else:
            require(ran.code == 0, f'sync beside the writers: exit {ran.code}\n{ran.output}')
        syncs += 1
    results = []
    for process in writers:
        output, errors = process.communicate(timeout=seconds + 120)
        require(process.returncode == 0, f'a writer failed: {errors[-2000:]}')
        results.append(json.loads(output))
    return {'transactions': sum(r['transactions'] for r in results), 'busy': sum(r['busy'] for r in results), 'syncs': syncs,
            'starved': starved, **{key: statistics.median(r[key] for r in results) for key in ('p50_ms', 'p99_ms', 'p999_ms')}}


def campaign(product: Product, journal: str, pairs: int, seconds: float) -> None:
    scenario = Scenario(product, f'writers-{journal}', chats=120, messages=500)
    scenario.release_brake()
    scenario.synced()
    alone: List[Figures] = []
    beside: List[Figures] = []
    for pair in range(pairs):
        order = [False, True] if pair % 2 == 0 else [True, False]
        for with_us in order:
            figures = measure(scenario, journal, seconds, pair * 2 + with_us + 1, with_us)
            (beside if with_us else alone).append(figures)
            print(f'{journal} pair {pair} {"beside" if with_us else "alone "} {json.dumps(figures)}', flush=True)

    def middle(runs: List[Figures], key: str) -> float:
        return statistics.median(run[key] for run in runs)

    ratio = middle(beside, 'p999_ms') / max(middle(alone, 'p999_ms'), 0.001)
    print(f'{journal}: busy {sum(r["busy"] for r in alone):.0f} alone, {sum(r["busy"] for r in beside):.0f} beside; '
          f'p99.9 {middle(alone, "p999_ms")} ms alone, {middle(beside, "p999_ms")} ms beside, ratio {ratio:.2f}', flush=True)
    busy_alone, busy_beside = sum(r['busy'] for r in alone), sum(r['busy'] for r in beside)
    # Both are counts of rare events: more than two standard deviations above the baseline is not chance.
    require(busy_beside <= busy_alone + 2 * math.sqrt(busy_alone + 1), 'more busy retries beside us than alone')
    if journal == 'app':
        require(sum(r['syncs'] - r['starved'] for r in beside) > 0, 'no sync got through beside the writers')
    scenario.synced()
    scenario.check()


def main() -> int:
    os.environ.setdefault('SYNC_NODE_SOURCE', str(Path(__file__).resolve().parents[2]))
    pairs, seconds = (10, 60.0) if is_long() else (2, 8.0)
    with Product() as product:
        for journal in ('app', 'legacy'):
            campaign(product, journal, pairs, seconds)
    return 0


if __name__ == '__main__':
    sys.exit(main())
