"""
SQLite + Supabase Sync System - Property Tests

Random schemas, hostile values, random mutations: sync, compare by the oracle, change, repeat. A case is one table in one round,
compared value by value. Default: 2,000 cases (SYNC_NODE_LONG=1: 50,000). Every file follows from its seed, so a failure is replayed with

  run.py --seed SEED --only FILE_NUMBER
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from oracle.oracle import OracleError  # noqa: E402
from property.world import World  # noqa: E402
from support.product import Product  # noqa: E402

TABLES = 24
ROUNDS = 4
MAX_FAILURES = 3


class Campaign:
    """Counts cases and keeps what a person needs to look at a failure."""

    def __init__(self, product: Product, seed: str, directory: Path) -> None:
        self.product, self.seed, self.directory = product, seed, directory
        self.cases = self.files = self.rows = self.quarantined = self.syncs = self.braked = 0
        self.failures: List[str] = []

    def fail(self, world: World, number: int, where: str, what: str) -> None:
        kept = Path(tempfile.mkdtemp(prefix='sync-node-failure.')) / 'source.db'
        shutil.copy(world.path, kept)
        text = f'FAILED seed {self.seed} file {number} {where}: {what}\n  source kept in {kept}; replay: run.py --seed {self.seed} --only {number}'
        text += '\n  last statements:\n    ' + '\n    '.join(repr(line)[:240] for line in world.log[-12:])
        self.failures.append(text)
        print(text, flush=True)

    def compare(self, world: World, name: str, number: int, where: str, held: List[str]) -> bool:
        """Sync, judge; a table that vanished must be held and nothing else may be."""
        ran = self.product.sync(name, str(world.path))
        self.syncs += 1
        if ran.code == 2 and not held and self.product.release_held():  # so many rows went that the brake tripped
            self.braked += 1
            ran = self.product.sync(name, str(world.path))
        if ran.code != (2 if held else 0):
            self.fail(world, number, where, f'exit {ran.code}, expected {2 if held else 0}\n{ran.output[-3000:]}')
            return False
        try:
            report = self.product.oracle(name, str(world.path), held)
        except OracleError as error:
            self.fail(world, number, where, str(error))
            return False
        self.cases += report.tables
        self.rows += report.rows
        self.quarantined += report.quarantined
        if report.problems:
            self.fail(world, number, where, 'different\n    ' + '\n    '.join(problem[:1500] for problem in report.problems[:12]))
            return False
        return True

    def file(self, number: int) -> None:
        """One database from its first load to its last round."""
        name = f'p{number}'
        path = self.directory / f'{name}.db'
        world = World(path, f'{self.seed}:{number}', TABLES)
        self.product.register(name, str(path))
        self.files += 1
        if not self.compare(world, name, number, 'first load', []):
            return
        for turn in range(ROUNDS):
            world.log.append(f'-- round {turn}')
            world.mutate()
            if not self.compare(world, name, number, f'round {turn}', []):
                return
        world.log.append('-- a table is dropped')
        counts = world.counts()
        gone = world.drop_one()
        if gone is not None:
            # An empty table has nothing to hold.
            held = [gone] if counts[gone] else []
            if not self.compare(world, name, number, 'table dropped', held):
                return
            self.product.release_held()
            if not self.compare(world, name, number, 'drop released', []):
                return
        verified = self.product.verify(name)
        if verified.code != 0:
            self.fail(world, number, 'verify', f'exit {verified.code}\n{verified.output[-2000:]}')
        for suffix in ('', '-wal', '-shm', '-journal'):
            Path(str(path) + suffix).unlink(missing_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seed', default='1', help="any word; 'random' for a fresh one")
    parser.add_argument('--cases', type=int, default=50_000 if os.environ.get('SYNC_NODE_LONG') else 2_000)
    parser.add_argument('--minutes', type=float, default=0, help='instead of a number of cases')
    parser.add_argument('--only', type=int, default=-1, help='only this file of the seed')
    args = parser.parse_args()
    seed = str(random.SystemRandom().randrange(10**9)) if args.seed == 'random' else args.seed
    print(f'seed {seed}', flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix='sync-node-property.') as directory, Product() as product:
        os.chmod(directory, 0o755)
        campaign = Campaign(product, seed, Path(directory))
        number = max(args.only, 0)
        while True:
            campaign.file(number)
            number += 1
            spent = time.monotonic() - started
            enough = spent > args.minutes * 60 if args.minutes else campaign.cases >= args.cases
            if args.only >= 0 or enough or len(campaign.failures) >= MAX_FAILURES:
                break
        if product.conflicts():
            campaign.failures.append('conflicts were recorded where nobody edited the copy')
        print(f'{campaign.cases} cases in {campaign.files} files, {campaign.syncs} syncs, {campaign.rows} rows compared, '
              f'{campaign.quarantined} quarantined values, {len(campaign.failures)} failures, {spent:.0f} s, seed {seed}')
        return 1 if campaign.failures else 0


if __name__ == '__main__':
    sys.exit(main())
