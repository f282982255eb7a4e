"""
SQLite + Supabase Sync System - What Conflicts Cost

On one server, in one run, medians of --repeat runs with their spread:
  edits      100,000 changes in the source beside 100,000 edits in the copy, 1,000 rows in common, against the same sync without edits;
             exactly 1,000 conflicts must come of it. Also what recording costs whoever edits.
  triggers   a full sync over a populated copy of 850,000 rows, with the triggers that record edits against without: nothing changed in
             the source, and every row changed.

  conflict_bench.py [--quick] [--repeat 3] [--only edits|triggers]   (./dev bench --conflicts)
"""

import argparse
import os
import sqlite3
import statistics
import sys
import time
from pathlib import Path
from typing import Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ground import SETTINGS  # noqa: E402
from support.private_postgres import PrivatePostgres  # noqa: E402
from support.product import Product  # noqa: E402

Times = Dict[str, List[float]]


def shown(seconds: List[float]) -> str:
    return f'{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})'


def line(what: str, figure: str, note: str = '') -> None:
    print(f'  {what:<66} {figure:>26}  {note}', flush=True)


class Client:
    """One client with a table of so many rows, synced."""

    def __init__(self, product: Product, name: str, rows: int, recorded: bool = True) -> None:
        self.product, self.name, self.rows = product, name, rows
        self.path = str(product.directory / f'{name}.db')
        self.schema = product.schema(name)
        self.env = {**product.environment(), 'BRAKE_MIN_ROWS': '1000000000'}
        with sqlite3.connect(self.path) as source:
            source.execute('CREATE TABLE item(id INTEGER PRIMARY KEY, title TEXT, body TEXT, updated_at BIGINT)')
            source.executemany('INSERT INTO item VALUES(?, ?, ?, 1700000000)',
                               ((number, f'title {number}', f'{number:0100d}') for number in range(rows)))
        source.close()
        product.register(name, self.path)
        self.sync()
        if not recorded:
            for trigger in ('_sync_edit', '_sync_truncate'):
                self.sql(f'DROP TRIGGER {trigger} ON item')

    def sql(self, text: str) -> str:
        return self.product.server.superuser_psql(f'SET search_path = {self.schema}, pg_catalog; {text}').strip()

    def change(self, first: int, last: int, turn: int) -> None:
        with sqlite3.connect(self.path) as source:
            source.execute('UPDATE item SET title = ?, updated_at = updated_at + 10 WHERE id >= ? AND id < ?', (f'source {turn}', first, last))
        source.close()

    def sync(self, *arguments: str) -> float:
        self.product.server.superuser_psql('CHECKPOINT')
        os.sync()
        began = time.monotonic()
        ran = self.product.sync(self.name, self.path, *arguments, env=self.env)
        spent = time.monotonic() - began
        if ran.code != 0:
            raise SystemExit(f'sync failed: exit {ran.code}\n{ran.output[-3000:]}')
        return spent


def edits(product: Product, scale: int, repeat: int) -> None:
    """Each turn is a pair of runs on the same new file and copy, without and with edits."""
    rows, count, common = 300_000 // scale, 100_000 // scale, 1_000 // scale
    times: Times = {'without': [], 'with': [], 'recorded': [], 'unrecorded': []}
    for turn in range(repeat):
        client = Client(product, f'edited{turn}', rows)
        client.change(0, count, 2 * turn)
        times['without'].append(client.sync())
        client.change(0, count, 2 * turn + 1)
        first = count - common
        edit = f"UPDATE item SET body = body || '{turn}', updated_at = updated_at + 5 WHERE id >= {first} AND id < {first + count}"
        began = time.monotonic()
        client.sql(edit)
        times['recorded'].append(time.monotonic() - began)
        before = logged(client)
        times['with'].append(client.sync())
        found = logged(client) - before
        if found != common:
            raise SystemExit(f'{found} conflicts, not {common}')
        # Whoever edits an unwatched table: the same statement on a copy of it.
        client.sql('CREATE TABLE plain AS SELECT * FROM item; ALTER TABLE plain ADD PRIMARY KEY (id)')
        began = time.monotonic()
        client.sql(edit.replace('UPDATE item', 'UPDATE plain'))
        times['unrecorded'].append(time.monotonic() - began)
        client.sql('DROP TABLE plain')
    print(f'\n{count:,} changes in the source of {rows:,} rows, {count:,} edits in the copy, {common:,} in common', flush=True)
    line('a sync of the changes alone', shown(times['without']))
    line('a sync of the changes beside the edits', shown(times['with']), f'exactly {common:,} conflicts each time')
    line('ratio', f'{ratio(times, "with", "without"):.2f} ×')
    line('the edits, one statement, recorded', shown(times['recorded']))
    line('the same on a table that is not watched', shown(times['unrecorded']))
    line('ratio', f'{ratio(times, "recorded", "unrecorded"):.1f} ×')


def logged(client: Client) -> int:
    return int(client.product.server.superuser_psql(f"SELECT count(*) FROM sync_metadata.conflict_log WHERE client_name = '{client.name}'"))


def ratio(times: Times, one: str, other: str) -> float:
    return statistics.median(times[one]) / statistics.median(times[other])


def triggers(product: Product, scale: int, repeat: int) -> None:
    rows = 850_000 // scale
    clients = {'with': Client(product, 'watched', rows), 'without': Client(product, 'unwatched', rows, recorded=False)}
    unchanged: Times = {'with': [], 'without': []}
    changed: Times = {'with': [], 'without': []}
    for turn in range(repeat):
        order: List[Tuple[str, Client]] = sorted(clients.items(), reverse=turn % 2 == 1)
        for what, client in order:
            unchanged[what].append(client.sync('--full'))
        for what, client in order:
            client.change(0, rows, turn)
            changed[what].append(client.sync('--full'))
    print(f'\na full sync over a populated copy of {rows:,} rows', flush=True)
    for title, times in [('nothing changed', unchanged), ('every row changed', changed)]:
        line(f'{title}: without the triggers', shown(times['without']))
        line(f'{title}: with them', shown(times['with']), f'{ratio(times, "with", "without"):.2f} ×, goal ≤ 1.2')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='a tenth of the size')
    parser.add_argument('--repeat', type=int, default=3)
    parser.add_argument('--only', choices=['edits', 'triggers'])
    args = parser.parse_args()
    scale = 10 if args.quick else 1
    with PrivatePostgres(fsync=True, settings=SETTINGS) as server, Product('bench', server) as product:
        print(f'PostgreSQL {server.psql("SHOW server_version")}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}', flush=True)
        if args.only in (None, 'edits'):
            edits(product, scale, args.repeat)
        if args.only in (None, 'triggers'):
            triggers(product, scale, args.repeat)
    return 0


if __name__ == '__main__':
    sys.exit(main())
