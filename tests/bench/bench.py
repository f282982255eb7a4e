"""
SQLite + Supabase Sync System - First Full Syncs

A whole file into an empty copy, on one server, in one run, against the COPY floor: COPY BINARY of the same rows from prepared files plus
the primary keys, into logged tables, wal_level=replica, fsync on. Beside it pgloader, the dump of sqlite3 into psql, and the row-by-row
upsert of the product that this one replaces (a sample of the rows, scaled up). Peak memory of each; what a PostgreSQL server uses is in none.

  bench.py [--quick] [--repeat 3] [--only narrow|chats] [--no-rivals]   (./dev bench)
"""

import argparse
import os
import shutil
import sqlite3
import sys
import time
from pathlib import Path
from typing import Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import figures  # noqa: E402
import ground  # noqa: E402
import rivals  # noqa: E402
from process_figures import Cost, measured  # noqa: E402
from support.private_postgres import run_psql  # noqa: E402
from support.product import Product  # noqa: E402

GOALS = {'narrow': '≤ 1.3 ×', 'chats': '≤ 1.2 ×'}
GOAL_MEMORY = '≤ 96 MB'


class Bench:
    """One source file on one server."""

    def __init__(self, product: Product, name: str, source: Path, repeat: int) -> None:
        self.product, self.name, self.source, self.repeat = product, name, source, repeat
        self.files = product.directory / f'floor-{name}'
        self.files.mkdir()
        os.chmod(self.files, 0o755)
        self.client = ''

    def quiet(self) -> None:
        """No run pays for the one before it."""
        self.product.server.superuser_psql('CHECKPOINT')
        os.sync()

    def drop(self, schema: str) -> None:
        self.product.server.superuser_psql(f'DROP SCHEMA IF EXISTS {schema} CASCADE')

    def first_sync(self, turn: int) -> Cost:
        """A client of its own each time; the copy of the last one stays for the floor."""
        if self.client:
            self.drop(self.product.schema(self.client))
        self.client = f'{self.name}{turn}'
        self.product.register(self.client, str(self.source))
        self.quiet()
        return measured(self.product.sync_command(self.client, str(self.source)), self.product.environment())

    def tables(self) -> Dict[str, str]:
        """Tables of the copy with their primary key columns."""
        text = self.product.server.superuser_psql(
            "SELECT c.oid::regclass || '|' || string_agg(quote_ident(a.attname), ',' ORDER BY array_position(i.indkey::int2[], a.attnum)) "
            'FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary JOIN pg_attribute a ON a.attrelid = c.oid '
            f"AND a.attnum = ANY (i.indkey) WHERE c.relnamespace = 'client_{self.client}'::regnamespace AND c.relname !~ '^_sync_' GROUP BY c.oid")
        return dict(line.split('|') for line in text.splitlines())

    def prepare_floor(self) -> float:
        """The copy's rows as files; their megabytes."""
        url, size = self.product.server.superuser_url(), 0
        self.keys: List[Tuple[str, str, Path]] = []
        create = 'CREATE SCHEMA floor_shape;'
        for number, (table, key) in enumerate(sorted(self.tables().items())):
            file = self.files / f'{number}.copy'
            run_psql(url, f"\\copy {table} TO '{file}' (FORMAT binary)\n", single=False)
            size += file.stat().st_size
            create += f'CREATE TABLE floor_shape.t{number} (LIKE {table});'
            self.keys.append((f't{number}', key, file))
        self.product.server.superuser_psql(create)
        return size / 1e6

    def floor(self) -> float:
        """What PostgreSQL alone needs for the same rows."""
        self.drop('floor')
        self.product.server.superuser_psql('CREATE SCHEMA floor;' + ''.join(
            f'CREATE TABLE floor.{table} (LIKE floor_shape.{table});' for table, _, _ in self.keys))
        self.quiet()
        load = ''.join(f"\\copy floor.{table} FROM '{file}' (FORMAT binary)\nALTER TABLE floor.{table} ADD PRIMARY KEY ({key});\n"
                       for table, key, file in self.keys)
        began = time.monotonic()
        run_psql(self.product.server.superuser_url(), load, single=False)
        return time.monotonic() - began


def one_source(product: Product, name: str, original: Path, repeat: int, others: bool) -> figures.Part:
    source = product.directory / f'{name}.db'
    shutil.copyfile(original, source)
    database = sqlite3.connect(source)
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    rows = sum(database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables)
    database.close()
    part = figures.Part(f'first full sync of {name}: {rows:,} rows, {len(tables)} tables, {source.stat().st_size / 1e6:.0f} MB, medians of {repeat}')
    bench = Bench(product, name, source, repeat)
    warm = bench.first_sync(0)
    part.note(f'the same rows are {bench.prepare_floor():.0f} MB in COPY BINARY; a first run, not counted, took {warm.seconds:.2f} s')
    ours, floor = [], []
    for turn in range(repeat):  # in turns, so that both meet the same weather
        ours.append(bench.first_sync(turn + 1))
        floor.append(bench.floor())
    least = part.line('COPY floor', floor, 's')
    part.line('sync-node', [cost.seconds for cost in ours], 's', GOALS[name], against=least)
    part.line('    its processor time', [cost.cpu_seconds for cost in ours], 's')
    part.line('    its memory, most', [cost.peak_mb for cost in ours], 'MB', GOAL_MEMORY)
    bench.drop('floor')
    if others:
        compare(product, part, bench, rows, tables, least)
    report = product.oracle(bench.client, str(source))
    part.word('the copy', 'equal by the oracle' if not report.problems else f'DIFFERENT: {report.problems[0]}')
    bench.drop(f'client_{bench.client}')
    bench.drop('floor_shape')
    shutil.rmtree(bench.files)
    source.unlink()
    if report.problems:
        raise SystemExit(1)
    return part


def compare(product: Product, part: figures.Part, bench: Bench, rows: int, tables: List[str], floor: figures.Figure) -> None:
    eased = rivals.eased(str(bench.source), product.directory)
    for what, run in (('pgloader (Debian, defaults)', rivals.pgloader), ('sqlite3 .dump | sed | psql', rivals.dump_into_psql)):
        outcomes = []
        for _ in range(bench.repeat):
            bench.quiet()
            outcomes.append(run(product.server, eased, rows))
            if outcomes[-1].trouble:
                break
        if outcomes[-1].trouble:
            part.word(what, outcomes[-1].trouble)
        else:
            part.line(what, [each.seconds for each in outcomes], 's', against=floor, note=outcomes[-1].note)
        part.line('    its memory, most', [each.peak_mb for each in outcomes], 'MB')
    sample = min(rows, 4_000)
    bench.quiet()
    outcome = rivals.row_by_row(product.server, eased, tables, sample)
    rate = int(outcome.note) / outcome.seconds
    part.line('row-by-row upsert of the origin (rewritten)', [rows / rate], 's', against=floor,
              note=f'scaled up from {int(outcome.note):,} rows at {rate:,.0f} rows/s, on this host')
    part.line('    its memory, most', [outcome.peak_mb], 'MB')
    eased.unlink()
    rivals.fresh_public(product.server)


def run(quick: bool, repeat: int, only: str = '', others: bool = True) -> List[figures.Part]:
    scale = 10 if quick else 1
    files = {'narrow': ground.narrow(850_000 // scale), 'chats': ground.chats(505 // scale)}
    with ground.product_on(ground.SETTINGS) as product:
        return [one_source(product, name, original, repeat, others) for name, original in files.items() if only in ('', name)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='a tenth of the size')
    parser.add_argument('--repeat', type=int, default=3)
    parser.add_argument('--only', choices=['narrow', 'chats'], default='')
    parser.add_argument('--no-rivals', action='store_true')
    args = parser.parse_args()
    around = figures.surroundings(ground.SETTINGS)
    figures.introduce(around)
    name = 'full' + (f'-{args.only}' if args.only else '') + ('-quick' if args.quick else '')
    figures.write(name, around, vars(args), run(args.quick, args.repeat, args.only, not args.no_rivals))
    return 0


if __name__ == '__main__':
    sys.exit(main())
