"""
SQLite + Supabase Sync System - What Finding A Change Costs

100 changed rows (titles of chats; whole chats) in files of several sizes, in WAL mode beside an application that stays open:
from waking up to visible in PostgreSQL, processor time, bytes read. Beside our incremental run, on the same load: the same as a one-shot,
--full, and a change log by triggers with what it costs the application. Then cost against the number of changed rows, an unchanged file,
and many idle clients in one node. Curves as SVG.

  capture_bench.py [--quick] [--repeat 5] [--only sizes|rows|unchanged|idle]   (./dev bench --capture)
"""

import argparse
import re
import sqlite3
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Dict, List, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import figures  # noqa: E402
import ground  # noqa: E402
import plot  # noqa: E402
from change_log import LogReader, install  # noqa: E402
from idle_bench import many_idle, settled, unchanged  # noqa: E402
from process_figures import bytes_read, cpu_seconds, measured, milliseconds  # noqa: E402
from support.openwebui_sample import open_as_app  # noqa: E402
from support.product import Product  # noqa: E402

GOAL_MS, GOAL_SHARE, GOAL_FLAT = '≤ 50 ms', '≤ 2 %', '≤ 1.5 ×'
BY_SIZE, READ_BY_SIZE, BY_ROWS = 'cost-by-file-size', 'read-by-file-size', 'cost-by-changed-rows'


class Application:
    """One connection that stays open, as the application's pool keeps it."""

    def __init__(self, path: str, table: str) -> None:
        self.path, self.table = path, table
        self.connection = open_as_app(path, 'app')
        self.rows = self.connection.execute(f'SELECT max(rowid) FROM {table}').fetchone()[0]
        self.turn = 0

    def change(self, assignment: str, count: int) -> float:
        """One transaction that changes so many rows, spread over the table; how long it took. {turn} is another value each time."""
        self.turn += 1
        step = max(1, self.rows // count)
        chosen = [(1 + (self.turn % step) + step * number,) for number in range(count)]
        began = time.monotonic()
        self.connection.execute('BEGIN IMMEDIATE')
        self.connection.executemany(f'UPDATE {self.table} SET {assignment.format(turn=self.turn)} WHERE rowid = ?', chosen)
        self.connection.execute('COMMIT')
        return time.monotonic() - began

    def close(self) -> None:
        self.connection.close()


TITLE = "title = 'changed in turn {turn}'"
CHAT = "chat = substr(chat, 1, length(chat) - 1) || ', \"turn\": {turn}}}'"
CONTENT = "content = 'changed in turn {turn}'"


class Runs(NamedTuple):
    """Of each run: seconds to visible, seconds of the job by the server's clock, processor seconds and bytes of the node until the job's end."""

    visible: List[float]
    job: List[float]
    cpu: List[float]
    read: List[float]


def by_trigger(leader: ground.Leader, reader: ground.Reader, app: Application, client: str, assignment: str, count: int, repeat: int,
               full: bool = False) -> Runs:
    """A node that runs already is told; from telling it to visible."""
    runs = Runs([], [], [], [])
    pid = leader.node.pid
    for turn in range(repeat + 1):
        app.change(assignment, count)
        before, cpu, read = reader.generation(), cpu_seconds(pid), bytes_read(pid)
        told = time.time()
        where = leader.trigger(client, **({'full_sync': True} if full else {}))
        seen = reader.beyond(before)
        job = leader.ended(where)
        if turn > 0:  # the first one warms up
            runs.visible.append(seen.at - told)
            runs.job.append(float(leader.product.server.superuser_psql(
                f"SELECT extract(epoch FROM completed_at - started_at) FROM sync_metadata.sync_jobs WHERE job_id = '{job['job_id']}'")))
            runs.cpu.append(cpu_seconds(pid) - cpu)
            runs.read.append(bytes_read(pid) - read)
    return runs


def by_itself(leader: ground.Leader, reader: ground.Reader, app: Application, assignment: str, count: int, repeat: int) -> Runs:
    """Nobody tells it: from the application's commit to visible. What the node does afterwards is not waited for."""
    runs = Runs([], [], [], [])
    pid = leader.node.pid
    for turn in range(repeat + 1):
        settled(leader)
        before, cpu, read = reader.generation(), cpu_seconds(pid), bytes_read(pid)
        app.change(assignment, count)
        committed = time.time()
        seen = reader.beyond(before)
        settled(leader)
        if turn > 0:
            runs.visible.append(seen.at - committed)
            runs.cpu.append(cpu_seconds(pid) - cpu)
            runs.read.append(bytes_read(pid) - read)
    return runs


def told(part: figures.Part, what: str, runs: Runs, size_mb: float) -> figures.Figure:
    visible = part.line(f'{what}: to visible', milliseconds(runs.visible), 'ms', GOAL_MS if size_mb > 400 else '')
    if runs.job:
        part.line('    the job, by the server', milliseconds(runs.job), 'ms')
    part.line('    processor time of the node', milliseconds(runs.cpu), 'ms')
    part.line('    read by the node, all files', [each / 1e6 for each in runs.read], 'MB',
              note=f'{max(runs.read) / size_mb / 1e4:.2f} % of the file at most; goal {GOAL_SHARE}')
    return visible


def found_by(leader: ground.Leader, client: str) -> str:
    """By what the node found the changes, by its own log."""
    said = Counter(re.findall(rf"changes of '{client}' by (\w+)", leader.node.text()))
    return ', '.join(f'{evidence} {times} ×' for evidence, times in said.most_common())


def forget_pages(product: Product, client: str) -> None:
    """Takes the page map out of the local memory: the next run compares every row, as there were no other way."""
    memory = sqlite3.connect(product.state / 'clients' / product.schema(client) / 'memory.db')
    if memory.execute("SELECT 1 FROM sqlite_master WHERE name = 'page_chunk'").fetchone():
        memory.execute('DELETE FROM page_chunk')
    memory.commit()
    memory.close()


def one_shots(product: Product, app: Application, client: str, repeat: int, by_rows: bool = False) -> List[float]:
    """Programs that are started for it: they take the lease, read their memory, connect."""
    spent = []
    for _ in range(repeat):
        app.change(TITLE, 100)
        if by_rows:
            forget_pages(product, client)
        spent.append(measured(product.sync_command(client, app.path), product.environment()).seconds)
    return spent


def rival(product: Product, part: figures.Part, original: Path, name: str, ours: Dict[str, figures.Figure], repeat: int) -> Dict[str, figures.Figure]:
    """The change log on a copy of the same file, and what it costs whoever writes."""
    plain = Application(ground.copied(product, original, f'{name}-plain'), 'chat')
    path = ground.copied(product, original, f'{name}-logged')
    install(path, ['chat'])
    logged = Application(path, 'chat')
    reader = LogReader(path, product.server.superuser_url(), 'change_log', ['chat'])
    found = {}
    for what, assignment in (('100 titles', TITLE), ('100 whole chats', CHAT)):
        without, beside, shipped = [], [], []
        for turn in range(repeat + 1):
            times = (plain.change(assignment, 100), logged.change(assignment, 100))
            began = time.monotonic()
            if reader.ship() != 100:
                raise SystemExit('the change log did not hold the 100 changes')
            if turn > 0:
                without.append(times[0])
                beside.append(times[1])
                shipped.append(time.monotonic() - began)
        found[what] = part.line(f'change log by triggers, {what}: read and upserted', milliseconds(shipped), 'ms', against=ours[what],
                                note='no poll in it: Debezium sleeps 500 ms between them')
        base = part.line(f'    the application writes {what} without triggers', milliseconds(without), 'ms', note='as beside sync-node, which has none')
        part.line('    with them', milliseconds(beside), 'ms', against=base)
    reader.close()
    for app in (plain, logged):
        app.close()
        Path(app.path).unlink()
    return found


def one_size(product: Product, megabytes: int, repeat: int, curves: figures.Part) -> figures.Part:
    original = ground.chats(megabytes)
    client = f'chats{megabytes}'
    path = ground.copied(product, original, client)
    size = ground.megabytes(path)
    part = figures.Part(f'100 changed rows in a file of {size:,.0f} MB, WAL, medians of {repeat}')
    ground.paused(product, client, path)
    measured(product.sync_command(client, path), product.environment())
    app = Application(path, 'chat')
    shots = one_shots(product, app, client, repeat)
    diffs = one_shots(product, app, client, min(3, repeat), by_rows=True)
    measured(product.sync_command(client, path), product.environment())  # the map is there again
    ours: Dict[str, figures.Figure] = {}
    with ground.Leader(product, LOG_LEVEL='DEBUG') as leader, ground.Reader(product, client) as reader:
        for what, assignment in (('100 titles', TITLE), ('100 whole chats', CHAT)):
            runs = by_trigger(leader, reader, app, client, assignment, 100, repeat)
            ours[what] = told(part, f'sync-node, {what}, from waking it', runs, size)
            if what == '100 titles':
                curves.point(READ_BY_SIZE, 'sync-node, 100 titles', size, max(0.001, figures.statistics.median(runs.read) / 1e6))
        messages = Application(path, 'message')
        told(part, 'sync-node, 100 messages (short rows), from waking it', by_trigger(leader, reader, messages, client, CONTENT, 100, repeat), size)
        messages.close()
        part.note(f'the changes were found by: {found_by(leader, client) or "a hash diff of every row (these programs know nothing else)"}')
        full = by_trigger(leader, reader, app, client, TITLE, 100, 2 if size > 1000 else min(3, repeat), full=True)
        known = part.line('sync-node --full: everything read, both sides compared', milliseconds(full.visible), 'ms', against=ours['100 titles'])
        curves.point(READ_BY_SIZE, '--full', size, max(0.001, figures.statistics.median(full.read) / 1e6))
        # Last: whoever follows by himself would ship before he is told.
        if leader.follow(client) == 'live':
            told(part, 'sync-node, live, 100 titles, from the commit', by_itself(leader, reader, app, TITLE, 100, repeat), size)
    shot = part.line('a one-shot, 100 titles: from its start to its end', milliseconds(shots), 'ms', against=ours['100 titles'])
    differ = part.line('    the same by a hash diff of every row', milliseconds(diffs), 'ms', against=shot, note='its page map was taken away; it makes a new one')
    curves.point(BY_SIZE, 'hash diff of every row, a one-shot', size, differ.median)
    curves.point(BY_SIZE, 'sync-node, a one-shot, 100 titles', size, shot.median)
    log = rival(product, part, original, client, ours, repeat)
    for curve, figure in (('sync-node, warm, 100 titles', ours['100 titles']), ('sync-node, warm, 100 whole chats', ours['100 whole chats']),
                          ('sync-node --full', known), ('change log by triggers, 100 titles', log['100 titles'])):
        curves.point(BY_SIZE, curve, size, figure.median)
    app.close()
    product.server.superuser_psql(f'DROP SCHEMA {product.schema(client)} CASCADE; DROP SCHEMA change_log CASCADE')
    Path(path).unlink()
    return part


def flat(curves: figures.Part) -> None:
    """The Must-show: does the cost follow the file?"""
    for name in ('sync-node, warm, 100 titles', 'sync-node, warm, 100 whole chats'):
        points = curves.curves[BY_SIZE][name]
        middle = min(points, key=lambda point: abs(point[0] - 505))
        for size, cost in points:
            if size != middle[0]:
                curves.line(f'{name}: {size:,.0f} MB', [cost], 'ms', GOAL_FLAT, against=figures.Figure([middle[1]], 'ms'), note=f'against {middle[0]:,.0f} MB')


def by_rows(product: Product, rows: int, counts: List[int], repeat: int, curves: figures.Part) -> figures.Part:
    original = ground.narrow(rows)
    path = ground.copied(product, original, 'narrow')
    part = figures.Part(f'cost by changed rows, {rows:,} narrow rows, {ground.megabytes(path):.0f} MB, medians of {repeat}')
    ground.paused(product, 'narrow', path)
    measured(product.sync_command('narrow', path), product.environment())
    app = Application(path, 'message')
    logged_path = ground.copied(product, original, 'narrow-logged')
    install(logged_path, ['message'])
    logged = Application(logged_path, 'message')
    log = LogReader(logged_path, product.server.superuser_url(), 'change_log', ['message'])
    with ground.Leader(product) as leader, ground.Reader(product, 'narrow') as reader:
        for count in counts:
            if count > app.rows:
                continue
            runs = by_trigger(leader, reader, app, 'narrow', CONTENT, count, repeat)
            ours = part.line(f'{count:,} rows: sync-node, from waking it to visible', milliseconds(runs.visible), 'ms')
            shipped = []
            for _ in range(repeat):
                logged.change(CONTENT, count)
                began = time.monotonic()
                log.ship()
                shipped.append(time.monotonic() - began)
            theirs = part.line(f'{count:,} rows: change log, read and upserted', milliseconds(shipped), 'ms', against=ours)
            curves.point(BY_ROWS, 'sync-node, warm', count, ours.median)
            curves.point(BY_ROWS, 'change log by triggers', count, theirs.median)
    log.close()
    for each in (app, logged):
        each.close()
        Path(each.path).unlink()
    product.server.superuser_psql('DROP SCHEMA client_narrow CASCADE; DROP SCHEMA change_log CASCADE')
    return part


def run(quick: bool, repeat: int, only: str = '') -> List[figures.Part]:
    parts = []
    with ground.product_on(ground.WATCHED) as product:
        curves = figures.Part('curves and what they show', quiet=True)
        if only in ('', 'sizes'):
            for megabytes in ([10, 30, 60] if quick else [10, 30, 120, 505, 2020]):
                parts.append(one_size(product, megabytes, repeat, curves))
            print('\nflat?')
            flat(curves)
        if only in ('', 'rows'):
            parts.append(by_rows(product, 85_000 if quick else 850_000, [1, 10, 100, 1000, 10_000] + ([] if quick else [100_000]), 2 if quick else 3, curves))
        if only in ('', 'unchanged'):
            parts.append(unchanged(product, 30 if quick else 505, 5 if quick else 20))
        if only in ('', 'idle'):
            parts.append(many_idle(product, 20 if quick else 200, 10 if quick else 60))
    parts.append(curves)
    named = {BY_SIZE: ('100 changed rows by size of the file', 'size of the file, MB', 'wake-up to visible, ms'),
             READ_BY_SIZE: ('read by the node by size of the file', 'size of the file, MB', 'read, MB'),
             BY_ROWS: ('cost by number of changed rows', 'changed rows', 'wake-up to visible, ms')}
    for chart, curves_of in curves.curves.items():
        plot.draw(figures.RESULTS / f'{chart}{"-quick" if quick else ""}.svg', *named[chart], curves_of)
    return parts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='small files, a smoke run')
    parser.add_argument('--repeat', type=int, default=0)
    parser.add_argument('--only', choices=['sizes', 'rows', 'unchanged', 'idle'], default='')
    args = parser.parse_args()
    around = figures.surroundings(ground.WATCHED)
    figures.introduce(around)
    name = 'capture' + (f'-{args.only}' if args.only else '') + ('-quick' if args.quick else '')
    figures.write(name, around, vars(args), run(args.quick, args.repeat or (2 if args.quick else 5), args.only))
    return 0


if __name__ == '__main__':
    sys.exit(main())
