"""
SQLite + Supabase Sync System - First Load Beside A Writer

A file that is too large to be copied at once is loaded for the first time while its application writes as fast as it can. The load reads
it in many short snapshots; the copy must be one moment of the source all the same: the transactions are numbered, and played again on the
file as it was, up to the number that the copy holds, they must give exactly the copy. Rows that move to other rowids meanwhile, too; and
in rollback mode, where every transaction breaks a snapshot that it finds open.
"""

import contextlib
import multiprocessing
import random
import re
import shutil
import sqlite3
import sys
import threading
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fault.scenario import require  # noqa: E402
from support.product import Product  # noqa: E402

NARROW, WIDE = 60_000, 9_000
LONG = 9_000  # bytes; most of a wide row is in overflow pages


def build(path: str) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    values = random.Random(1)
    database.execute('PRAGMA journal_mode = WAL')
    database.execute('CREATE TABLE narrow (id INTEGER PRIMARY KEY, name TEXT, score REAL)')
    database.execute('CREATE TABLE wide (id TEXT PRIMARY KEY, body TEXT, data JSON)')
    database.execute('CREATE TABLE mark (number INTEGER)')
    database.execute('INSERT INTO mark VALUES (0)')
    database.execute('BEGIN')
    database.executemany('INSERT INTO narrow VALUES (?, ?, ?)', ((i, f'name {i}', values.random()) for i in range(NARROW)))
    letters = 'abcdefghijklmnopqrstuvwxyz'
    database.executemany('INSERT INTO wide VALUES (?, ?, ?)',
                         ((f'w{i:06}', values.choice(letters) * LONG, f'{{"n": {i}}}') for i in range(WIDE)))
    database.execute('COMMIT')
    database.close()


def transact(database: sqlite3.Connection, number: int, moving: bool) -> None:
    """The same number does the same to the same rows."""
    values = random.Random(number)
    database.execute('BEGIN IMMEDIATE')
    for _ in range(values.randint(1, 4)):
        chosen = f'w{values.randrange(WIDE + 50):06}'
        row = values.randrange(NARROW + 500)
        kind = values.randrange(8)
        if kind == 0:
            database.execute('DELETE FROM wide WHERE id = ?', (chosen,))
        elif kind == 1:  # as long as before: some overflow pages alone are written
            database.execute("UPDATE wide SET body = substr(body, 1, 6000) || '#' || substr(body, 6002) WHERE id = ?", (chosen,))
        elif kind == 2:
            database.execute('UPDATE wide SET body = body || ?, data = ? WHERE id = ?', ('+' * 500, f'{{"t": {number}}}', chosen))
        elif kind == 3 and moving:
            database.execute('INSERT OR REPLACE INTO wide VALUES (?, ?, ?)', (chosen, 'moved ' * values.randrange(800), f'[{number}]'))
        elif kind == 4:
            database.execute('DELETE FROM narrow WHERE id = ?', (row,))
        elif kind == 5:
            database.execute('UPDATE OR IGNORE narrow SET id = ? WHERE id = ?', (values.randrange(NARROW + 500), row))
        elif kind == 6:
            database.execute('INSERT OR IGNORE INTO narrow VALUES (?, ?, ?)', (row, f'new {number}', 0.5))
        else:
            database.execute('UPDATE narrow SET name = ? WHERE id BETWEEN ? AND ?', (f'now {number}', row, row + 20))
    database.execute('UPDATE mark SET number = ?', (number,))
    database.execute('COMMIT')


def write(path: str, moving: bool, begun: Event, enough: Event) -> None:
    """The application: one connection, as fast as it can."""
    database = sqlite3.connect(path, isolation_level=None, timeout=30)
    database.execute('PRAGMA synchronous = NORMAL')
    number = 0
    while not enough.is_set():
        number += 1
        transact(database, number, moving)
        if number == 50:
            begun.set()
    database.close()


def largest_log(path: str, enough: Event, found: List[int]) -> None:
    log = Path(path + '-wal')
    while not enough.wait(0.001):
        try:
            found.append(log.stat().st_size)
        except FileNotFoundError:
            pass


def one_load(product: Product, original: str, moving: bool, journal: str = 'WAL') -> None:
    name = ('moving_' if moving else 'calm_') + journal.lower()
    folder = product.directory / name
    folder.mkdir()
    path = str(folder / 'webui.db')
    shutil.copyfile(original, path)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f'PRAGMA journal_mode = {journal}')
    product.register(name, path)
    begun, enough = multiprocessing.Event(), multiprocessing.Event()
    writer = multiprocessing.Process(target=write, args=(path, moving, begun, enough))
    sizes: List[int] = []
    watcher = threading.Thread(target=largest_log, args=(path, enough, sizes))
    writer.start()
    watcher.start()
    try:
        require(begun.wait(60), 'the application does not write')
        ran = product.sync(name, path, env={**product.environment(), 'LOG_LEVEL': 'DEBUG'})
        still_writing = writer.is_alive()
    finally:
        enough.set()
        writer.join(60)
        watcher.join()
    require(ran.code == 0, f'sync exit {ran.code}\n{ran.output}')
    require(still_writing and writer.exitcode == 0, 'the application failed')

    number = int(product.psql(f'SELECT number FROM {product.schema(name)}.mark'))
    replayed = str(folder / 'replayed.db')
    shutil.copyfile(original, replayed)
    database = sqlite3.connect(replayed, isolation_level=None)
    database.execute('PRAGMA synchronous = OFF')
    for turn in range(1, number + 1):
        transact(database, turn, moving)
    database.close()
    report = product.oracle(name, replayed)
    require(not report.problems, f'the copy is not the source after {number} transactions:\n' + '\n'.join(report.problems[:20]))
    turns = re.findall(r'were read in (\d+) snapshots', ran.output)
    print(f'{name}: {number} transactions, read in {turns} snapshots before the last one, log at most {max(sizes, default=0) / 1e6:.1f} MB')
    if not moving:
        require(any(int(each) >= 3 for each in turns), f'the load was not parted: {turns}')
        require(not re.search('byte .* not copied in time', ran.output), 'what was copied did not hold what was read')

    ran = product.sync(name, path)
    require(ran.code == 0, f'sync exit {ran.code}\n{ran.output}')
    report = product.oracle(name, path)
    require(not report.problems, 'after the next sync the copy differs:\n' + '\n'.join(report.problems[:20]))
    require(product.verify(name).code == 0, 'verify finds a difference')


def main() -> int:
    with Product() as product:
        original = str(product.directory / 'original.db')
        build(original)
        if sys.argv[1:] == ['--rollback']:  # needs a processor for itself: a journal that nobody saw in its milliseconds costs a pass over the file
            one_load(product, original, False, 'DELETE')
            return 0
        for moving in (False, True):
            one_load(product, original, moving)
    return 0


if __name__ == '__main__':
    sys.exit(main())
