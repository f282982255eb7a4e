"""
SQLite + Supabase Sync System - Benchmark

First full syncs against the COPY floor and against pgloader, on one server, in one run: the COPY floor is COPY BINARY of the same rows
from prepared files plus the primary keys, into logged tables, wal_level=replica, fsync on. Also: an incremental sync of 100 changed
rows, a sync of an unchanged file. Medians of --repeat runs with their spread, ratios, peak memory of our process.

  bench.py [--quick] [--repeat 3] [--only narrow|chats] [--no-pgloader]
"""

import argparse
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.private_postgres import PrivatePostgres, run_psql  # noqa: E402
from support.product import BINARIES, Product  # noqa: E402

SAMPLE = str(Path(__file__).resolve().parents[1] / 'support/openwebui_sample.py')
SETTINGS = {'wal_level': 'replica', 'shared_buffers': '256MB', 'max_wal_size': '4GB', 'checkpoint_timeout': '15min',
            'maintenance_work_mem': '64MB', 'synchronous_commit': 'on'}


class Measured(NamedTuple):
    seconds: List[float]
    peak_mb: float

    def median(self) -> float:
        return statistics.median(self.seconds)


class Bench:
    """One source file on one server."""

    def __init__(self, product: Product, name: str, source: Path, repeat: int) -> None:
        self.product, self.name, self.source, self.repeat = product, name, source, repeat
        self.files = product.directory / f'floor-{name}'
        self.files.mkdir()
        os.chmod(self.files, 0o755)

    def quiet(self) -> None:
        """No run pays for the one before it."""
        self.product.server.superuser_psql('CHECKPOINT')
        os.sync()

    def drop(self, schema: str) -> None:
        self.product.server.superuser_psql(f'DROP SCHEMA IF EXISTS {schema} CASCADE')

    def timed_sync(self, client: str) -> Tuple[float, float]:
        """(seconds, peak megabytes) of one run."""
        with tempfile.TemporaryFile() as log:
            started = time.monotonic()
            process = subprocess.Popen(self.product.sync_command(client, str(self.source)), env=self.product.environment(), stdout=log,
                                       stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            spent = time.monotonic() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                log.seek(0)
                raise SystemExit(f'sync failed: exit {process.returncode}\n{log.read().decode(errors="replace")[-3000:]}')
        return spent, usage.ru_maxrss / 1024

    def ours(self) -> Measured:
        seconds, peak = [], 0.0
        for turn in range(self.repeat):
            client = f'{self.name}{turn}'
            self.product.register(client, str(self.source))
            self.quiet()
            spent, megabytes = self.timed_sync(client)
            seconds.append(spent)
            peak = max(peak, megabytes)
            if turn + 1 < self.repeat:
                self.drop(f'client_{client}')
        self.client = f'{self.name}{self.repeat - 1}'
        return Measured(seconds, peak)

    def tables(self) -> Dict[str, str]:
        """Tables of the copy with their primary key columns."""
        text = self.product.server.superuser_psql(
            "SELECT c.oid::regclass || '|' || string_agg(quote_ident(a.attname), ',' ORDER BY array_position(i.indkey::int2[], a.attnum)) "
            'FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary JOIN pg_attribute a ON a.attrelid = c.oid '
            f"AND a.attnum = ANY (i.indkey) WHERE c.relnamespace = 'client_{self.client}'::regnamespace AND c.relname !~ '^_sync_' GROUP BY c.oid")
        return dict(line.split('|') for line in text.splitlines())

    def floor(self) -> Measured:
        """What PostgreSQL alone needs for the same rows."""
        url = self.product.server.superuser_url()
        load, size = [], 0
        for number, (table, key) in enumerate(sorted(self.tables().items())):
            file = self.files / f'{number}.copy'
            run_psql(url, f"\\copy {table} TO '{file}' (FORMAT binary)\n", single=False)
            size += file.stat().st_size
            load.append(f"\\copy floor.t{number} FROM '{file}' (FORMAT binary)\nALTER TABLE floor.t{number} ADD PRIMARY KEY ({key});\n")
        seconds = []
        for _ in range(self.repeat):
            self.drop('floor')
            create = ''.join(f'CREATE TABLE floor.t{number} (LIKE {table});' for number, table in enumerate(sorted(self.tables())))
            self.product.server.superuser_psql('CREATE SCHEMA floor;' + create)
            self.quiet()
            started = time.monotonic()
            run_psql(url, ''.join(load), single=False)
            seconds.append(time.monotonic() - started)
        self.drop('floor')
        shutil.rmtree(self.files)
        print(f'  the same rows are {size / 1e6:.0f} MB in COPY BINARY', flush=True)
        return Measured(seconds, 0)

    def changes(self) -> Tuple[Measured, Measured]:
        """(100 changed rows, nothing changed) after the first load."""
        changed, unchanged, peak = [], [], 0.0
        table, column = ('chat', 'title') if self.name == 'chats' else ('message', 'content')
        for turn in range(self.repeat):
            database = sqlite3.connect(self.source)
            database.execute(f"UPDATE {table} SET {column} = 'changed {turn}' WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid % 997, rowid LIMIT 100)")
            database.commit()
            database.close()
            spent, megabytes = self.timed_sync(self.client)
            changed.append(spent)
            peak = max(peak, megabytes)
            unchanged.append(self.timed_sync(self.client)[0])
        return Measured(changed, peak), Measured(unchanged, peak)

    def pgloader(self, rows: int) -> Tuple[Optional[Measured], str]:
        """One command with its defaults, on a file without the expression index that makes it crash at once."""
        eased = self.product.directory / 'pgloader.db'
        shutil.copyfile(self.source, eased)
        database = sqlite3.connect(eased)
        database.execute('DROP INDEX IF EXISTS uq_user_email_lower')
        database.close()
        seconds: List[float] = []
        note = ''
        for _ in range(self.repeat):
            self.product.server.superuser_psql('DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public AUTHORIZATION admin')
            self.quiet()
            started = time.monotonic()
            done = subprocess.run(['pgloader', f'sqlite://{eased}', self.product.server.admin_url()],
                                  capture_output=True, text=True, errors='replace', cwd=self.product.directory)
            seconds.append(time.monotonic() - started)
            if done.returncode != 0:
                words = [line for line in (done.stdout + done.stderr).splitlines() if 'exhausted' in line or 'ERROR' in line or 'FATAL' in line]
                return None, f'fails after {seconds[-1]:.1f} s: {words[0][:100] if words else "exit %d" % done.returncode}'
            self.product.server.superuser_psql('ANALYZE')
            arrived = int(self.product.server.superuser_psql(
                "SELECT coalesce(sum(reltuples), 0)::bigint FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND reltuples > 0"))
            note = f'but loses {rows - arrived:,} of {rows:,} rows' if arrived < rows * 0.999 else ''
        eased.unlink()
        return Measured(seconds, 0), note


def sources(directory: Path, quick: bool) -> Dict[str, Path]:
    """Made once and kept in the build directory."""
    directory.mkdir(parents=True, exist_ok=True)
    scale = 10 if quick else 1
    wanted = {'narrow': ['wide', '--rows', str(850_000 // scale)],
              'chats': ['build', '--users', '200', '--chats', str(10_200 // scale), '--messages', '5000', '--chat-bytes', '9000']}
    made = {}
    for name, (verb, *flags) in wanted.items():
        made[name] = directory / f'{name}{"-quick" if quick else ""}.db'
        if not made[name].exists():
            unfinished = made[name].with_suffix('.part')
            subprocess.run([sys.executable, '-B', SAMPLE, verb, str(unfinished), *flags], check=True)
            os.replace(unfinished, made[name])
    return made


def line(what: str, measured: Optional[Measured], floor: Measured, note: str = '') -> str:
    if measured is None:
        return f'  {what:<26} {note}'
    spread = f'{min(measured.seconds):.2f}–{max(measured.seconds):.2f}'
    ratio = f'{measured.median() / floor.median():6.2f} ×' if measured is not floor else '  1.00 ×'
    memory = f'{measured.peak_mb:7.1f} MB' if measured.peak_mb else ''
    return f'  {what:<26} {measured.median():8.2f} s  ({spread:>13})  {ratio}  {memory} {note}'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='a tenth of the size')
    parser.add_argument('--repeat', type=int, default=3)
    parser.add_argument('--only', choices=['narrow', 'chats'])
    parser.add_argument('--no-pgloader', action='store_true')
    args = parser.parse_args()
    files = sources(BINARIES.parent / 'bench-data', args.quick)
    with PrivatePostgres(fsync=True, settings=SETTINGS) as server:
        version = server.psql('SHOW server_version')
        print(f'PostgreSQL {version}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores, Linux {platform.release()}, '
              f'medians of {args.repeat} (min–max), settings {SETTINGS}', flush=True)
        with Product('bench', server) as product:
            for name, original in files.items():
                if args.only in (None, name):
                    one_source(product, name, original, args)
    return 0


def one_source(product: Product, name: str, original: Path, args: argparse.Namespace) -> None:
    source = product.directory / f'{name}.db'
    shutil.copyfile(original, source)
    database = sqlite3.connect(source)
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    rows = sum(database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables)
    database.close()
    print(f'\n{name}: {rows:,} rows, {len(tables)} tables, {source.stat().st_size / 1e6:.0f} MB', flush=True)
    bench = Bench(product, name, source, args.repeat)
    ours = bench.ours()
    floor = bench.floor()
    print(line('COPY floor', floor, floor), flush=True)
    print(line('sync-node, first sync', ours, floor), flush=True)
    if not args.no_pgloader:
        measured, note = bench.pgloader(rows)
        print(line('pgloader', measured, floor, note), flush=True)
    changed, unchanged = bench.changes()
    print(line('sync-node, 100 rows', changed, floor), flush=True)
    print(line('sync-node, unchanged', unchanged, floor), flush=True)
    report = product.oracle(bench.client, str(source))
    print(f'  {"equal by the oracle" if not report.problems else "DIFFERENT: " + report.problems[0]}', flush=True)
    bench.drop(f'client_{bench.client}')
    if report.problems:
        raise SystemExit(1)


if __name__ == '__main__':
    sys.exit(main())
