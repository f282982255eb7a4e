"""
SQLite + Supabase Sync System - What The Application Loses To Us

The application writes at 100 transactions a second and as fast as it can, in WAL and in rollback-journal mode: alone (no node runs), beside
a node that has its file on the default interval, beside one that follows it live, and beside first full syncs one after the other. Each
round has one run of each, in another order each time. The server would be on another host: here its files are in memory, so that what it
writes is not what the application's disk is busy with, and its processes come last. Latencies of a transaction, busy errors, the largest -wal. Then what `docker
stop` and a backup do: the last connection closes, `cp webui.db`, and the plain copy must hold everything, as without us.

  harm_bench.py [--quick] [--long] [--rounds N] [--seconds S] [--megabytes M]   (./dev bench --harm)
"""

import argparse
import contextlib
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import figures  # noqa: E402
import ground  # noqa: E402
from application import Writing  # noqa: E402
from app_writer import content_of  # noqa: E402
from fault.scenario import is_starved  # noqa: E402
from idle_bench import settled  # noqa: E402
from process_figures import Largest, file_size, measured  # noqa: E402
from support.product import Product  # noqa: E402

KINDS = ['alone', 'idle', 'live', 'full']
WORDS = {'alone': 'alone', 'idle': 'beside a node, default interval', 'live': 'beside a node that follows it', 'full': 'beside first full syncs'}
JOURNALS = {'app': 'WAL', 'legacy': 'rollback journal'}
GOALS = {'app': 'p99.9 ≤ 1.1 ×', 'legacy': 'added wait ≤ 100 ms'}


class Size(NamedTuple):
    rounds: int
    seconds: float
    megabytes: int
    closes: int


class Run(NamedTuple):
    latencies: List[float]  # ms
    busy: int
    largest_wal: float
    rate: float


class Client:
    def __init__(self, product: Product, name: str, megabytes: int) -> None:
        self.product, self.name = product, name
        self.path = ground.copied(product, ground.chats(megabytes), name)
        ground.paused(product, name, self.path)
        measured(product.sync_command(name, self.path), product.environment())
        self.loads = self.starved = 0

    def first_sync(self) -> None:
        """Into a new copy, dropped again; giving up beside a busy application is allowed (exit 1, starved)."""
        self.loads += 1
        name = f'{self.name}load{self.loads}'
        self.product.register(name, self.path)
        ran = measured(self.product.sync_command(name, self.path), self.product.environment(), accepted=(0, 1))
        if is_starved(ran.code, ran.output):
            self.starved += 1
        elif ran.code != 0:
            raise SystemExit(ran.output[-3000:])
        self.product.server.superuser_psql(f'DROP SCHEMA {self.product.schema(name)} CASCADE')


@contextlib.contextmanager
def beside(kind: str, client: Client) -> Iterator[None]:
    """The node as the kind says; everything it had to catch up with is done before."""
    if kind in ('alone', 'full'):
        yield
        return
    with ground.Leader(client.product) as leader:
        leader.synced(client.name)
        if kind == 'live':
            leader.follow(client.name)
        else:
            leader.must('client', 'set-interval', client.name, '300')
            leader.must('client', 'resume', client.name)
        settled(leader)
        yield
        leader.must('client', 'pause', client.name)


def one_run(kind: str, client: Client, journal: str, rate: float, seconds: float, seed: int) -> Run:
    with beside(kind, client), Largest(lambda: file_size(client.path + '-wal'), 0.002) as wal:
        writing = Writing(client.path, seconds, rate, journal, seed)
        while kind == 'full' and writing.running():
            client.first_sync()
        written = writing.ended()
    return Run([each * 1000 for each in written['latencies']], written['busy'], wal.value / 1e6, written.rate)


def campaign(product: Product, journal: str, rate: float, size: Size) -> figures.Part:
    pace = f'{rate:.0f} tx/s' if rate else 'as fast as it can'
    part = figures.Part(f'the application, {JOURNALS[journal]}, {pace}, {size.megabytes} MB: {size.rounds} rounds of {size.seconds:.0f} s each')
    client = Client(product, f'{journal}{rate:.0f}', size.megabytes)
    runs: Dict[str, List[Run]] = {kind: [] for kind in KINDS}
    for turn in range(size.rounds):
        order = KINDS[turn % len(KINDS):] + KINDS[:turn % len(KINDS)]
        for kind in order if turn % 2 == 0 else reversed(order):
            runs[kind].append(one_run(kind, client, journal, rate, size.seconds, seed=turn * 10 + KINDS.index(kind)))
    for share, name in ((0.5, 'p50'), (0.99, 'p99'), (0.999, 'p99.9'), (1.0, 'max')):
        pooled = {kind: f'all rounds as one {figures.quantile([each for run in runs[kind] for each in run.latencies], share):.2f}' for kind in KINDS}
        side_by_side(part, name, 'ms', {kind: [figures.quantile(run.latencies, share) for run in runs[kind]] for kind in KINDS},
                     GOALS[journal] if name == 'p99.9' else '', pooled)
    written = {kind: f'{sum(len(run.latencies) for run in runs[kind]):,} transactions, {figures.statistics.median(run.rate for run in runs[kind]):,.0f} a second'
               for kind in KINDS}
    side_by_side(part, 'busy errors', '', {kind: [float(run.busy) for run in runs[kind]] for kind in KINDS}, 'none more than alone', written)
    if journal == 'app':
        side_by_side(part, 'largest -wal', 'MB', {kind: [run.largest_wal for run in runs[kind]] for kind in KINDS}, '≤ 1.1 ×', {})
    part.word('full syncs beside the writer', f'{client.loads}, {client.starved} of them gave up')
    product.server.superuser_psql(f'DROP SCHEMA {product.schema(client.name)} CASCADE')
    Path(client.path).unlink()
    return part


def side_by_side(part: figures.Part, name: str, unit: str, values: Dict[str, List[float]], goal: str, notes: Dict[str, str]) -> None:
    alone = part.line(f'{name} {WORDS["alone"]}', values['alone'], unit, note=notes.get('alone', ''))
    for kind in KINDS[1:]:
        part.line(f'{name} {WORDS[kind]}', values[kind], unit, goal, against=alone, note=notes.get(kind, ''))


def copy_after_close(path: str, place: Path, turn: int, seconds: float) -> str:
    """The application ends in order, the main file alone is copied at once. '' when the copy holds all."""
    writing = Writing(path, 600, 0, 'app', seed=900 + turn)
    try:
        writing.process.wait(seconds)
        raise SystemExit('the application ended by itself')
    except subprocess.TimeoutExpired:
        writing.ask_to_end()
    written = writing.ended()
    shutil.copyfile(path, place)
    log_is_left = Path(path + '-wal').exists()
    copy = sqlite3.connect(place)
    try:
        verdict = copy.execute('PRAGMA integrity_check').fetchone()[0]
        if verdict != 'ok':
            return f'damaged: {verdict}'
        if json.loads(json.dumps(content_of(copy))) != written['content']:
            return f'commits are missing{"; -wal was left behind" if log_is_left else ""}'
        return ''
    finally:
        copy.close()
        place.unlink()


def closes(product: Product, size: Size) -> figures.Part:
    part = figures.Part(f'the application is stopped and webui.db alone is copied, {size.closes} times each, WAL')
    client = Client(product, 'closed', min(size.megabytes, 30))
    place = product.directory / 'backup.db'
    for kind in ('alone', 'idle', 'live'):
        with beside(kind, client):
            found = [copy_after_close(client.path, place, turn, 0.3 + 0.13 * (turn % 7)) for turn in range(size.closes)]
        bad = [each for each in found if each]
        part.word(WORDS[kind], f'{len(found) - len(bad)} of {len(found)} copies are whole' + (f'; {bad[0]}' if bad else ''))
    Path(client.path).unlink()
    return part


def run(size: Size) -> List[figures.Part]:
    with ground.product_on(ground.SETTINGS, elsewhere=True) as product:
        parts = [campaign(product, journal, rate, size) for journal in JOURNALS for rate in (100.0, 0.0)]
        parts.append(closes(product, size))
    return parts


QUICK, USUAL, LONG = Size(1, 3, 10, 3), Size(3, 4, 120, 10), Size(10, 8, 505, 20)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='one round, a small file')
    parser.add_argument('--long', action='store_true', help='ten rounds, 505 MB: half an hour')
    for name in Size._fields:
        parser.add_argument(f'--{name}', type=float if name == 'seconds' else int)
    args = parser.parse_args()
    size = QUICK if args.quick else LONG if args.long else USUAL
    size = size._replace(**{name: getattr(args, name) for name in Size._fields if getattr(args, name) is not None})
    around = figures.surroundings(ground.SETTINGS)
    figures.introduce(around)
    figures.write('harm' + ('-quick' if args.quick else '-long' if args.long else ''), around, size._asdict(), run(size))
    return 0


if __name__ == '__main__':
    sys.exit(main())
