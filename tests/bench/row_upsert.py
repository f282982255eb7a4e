"""
SQLite + Supabase Sync System - Row By Row

What the product that this one replaces did for every row, written anew to be measured: INSERT … ON CONFLICT DO UPDATE, one statement a row,
committed by itself, over one connection. All columns are text, which spares it every conversion. At most so many rows, taken evenly of every table.

  row_upsert.py FILE.db URL ROWS TABLE…      prints the rows that were written and the seconds they took
"""

import sqlite3
import sys
import time
from typing import List

import psycopg2


def columns_of(database: sqlite3.Connection, table: str) -> List[str]:
    return [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]


def key_of(database: sqlite3.Connection, table: str) -> List[str]:
    return [name for _, name in sorted((row[5], row[1]) for row in database.execute(f'PRAGMA table_info("{table}")') if row[5])]


def main() -> int:
    path, url, sample, *tables = sys.argv[1:]
    source = sqlite3.connect(f'file:{path}?mode=ro', uri=True)
    target = psycopg2.connect(url)
    target.autocommit = True
    cursor = target.cursor()
    counts = {table: source.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables}
    share = min(1.0, int(sample) / max(1, sum(counts.values())))
    written, spent = 0, 0.0
    for table in tables:
        names, key = columns_of(source, table), key_of(source, table)
        if not key:
            continue
        cursor.execute(f'CREATE TABLE "{table}" ({", ".join(f"{chr(34)}{name}{chr(34)} text" for name in names)}, '
                       f'PRIMARY KEY ({", ".join(f"{chr(34)}{name}{chr(34)}" for name in key)}))')
        updates = ', '.join(f'"{name}" = excluded."{name}"' for name in names if name not in key)
        statement = (f'INSERT INTO "{table}" VALUES ({", ".join(["%s"] * len(names))}) ON CONFLICT ({", ".join(f"{chr(34)}{name}{chr(34)}" for name in key)}) '
                     + (f'DO UPDATE SET {updates}' if updates else 'DO NOTHING'))
        began = time.monotonic()
        for row in source.execute(f'SELECT * FROM "{table}" LIMIT {int(counts[table] * share + 0.999)}'):
            cursor.execute(statement, [None if value is None else str(value).replace('\x00', '') for value in row])
            written += 1
        spent += time.monotonic() - began
    print(written, spent)
    return 0


if __name__ == '__main__':
    sys.exit(main())
