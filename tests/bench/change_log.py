"""
SQLite + Supabase Sync System - A Change Log By Triggers

The rival of page capture, in the style of Debezium's SQLite connector (DDD-44): triggers in the source write each change, before and after
as JSON, to a log table in the application's own transaction; a reader takes up to 1,000 changes at a time, upserts them in one PostgreSQL
transaction and deletes them from the log. Favoured: no Kafka between, no pause of 500 ms between polls, every column of the copy is text.
"""

import json
import sqlite3
from typing import Dict, List

import psycopg2
import psycopg2.extras

LOG = '_change_log'
BATCH = 1000


def columns_of(database: sqlite3.Connection, table: str) -> List[str]:
    return [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]


def key_of(database: sqlite3.Connection, table: str) -> List[str]:
    ranked = [(row[5], row[1]) for row in database.execute(f'PRAGMA table_info("{table}")') if row[5]]
    return [name for _, name in sorted(ranked)]


def as_json(which: str, columns: List[str]) -> str:
    return f'json_object({", ".join(f"{chr(39)}{name}{chr(39)}, {which}.{chr(34)}{name}{chr(34)}" for name in columns)})'


def install(path: str, tables: List[str]) -> None:
    database = sqlite3.connect(path)
    database.execute(f'CREATE TABLE {LOG} (change_id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT, operation TEXT, before TEXT, after TEXT, at INTEGER)')
    for table in tables:
        columns = columns_of(database, table)
        old, new = as_json('OLD', columns), as_json('NEW', columns)
        for verb, before, after in (('INSERT', 'NULL', new), ('UPDATE', old, new), ('DELETE', old, 'NULL')):
            database.execute(f'CREATE TRIGGER "{LOG}_{table}_{verb}" AFTER {verb} ON "{table}" BEGIN INSERT INTO {LOG} (table_name, operation, before, after, at) '
                             f"VALUES ('{table}', '{verb}', {before}, {after}, unixepoch()); END")
    database.commit()
    database.close()


class LogReader:
    """Ships what the log holds; one connection to each side, kept."""

    def __init__(self, path: str, url: str, schema: str, tables: List[str]) -> None:
        self.source = sqlite3.connect(path, isolation_level=None, timeout=10)
        self.target = psycopg2.connect(url)
        self.schema = schema
        self.columns: Dict[str, List[str]] = {table: columns_of(self.source, table) for table in tables}
        self.keys = {table: key_of(self.source, table) for table in tables}
        with self.target, self.target.cursor() as cursor:
            cursor.execute(f'DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}')
            for table in tables:
                named = ', '.join(f'"{name}" text' for name in self.columns[table])
                key = ', '.join(f'"{name}"' for name in self.keys[table])
                cursor.execute(f'CREATE TABLE {schema}."{table}" ({named}, PRIMARY KEY ({key}))')

    def close(self) -> None:
        self.source.close()
        self.target.close()

    def ship(self) -> int:
        """Everything that is in the log; how many changes."""
        shipped = 0
        while True:
            batch = self.source.execute(f'SELECT change_id, table_name, operation, before, after FROM {LOG} ORDER BY change_id LIMIT {BATCH}').fetchall()
            if not batch:
                return shipped
            with self.target, self.target.cursor() as cursor:
                for table in {row[1] for row in batch}:
                    self.apply(cursor, table, [row for row in batch if row[1] == table])
            self.source.execute(f'DELETE FROM {LOG} WHERE change_id <= ?', (batch[-1][0],))
            shipped += len(batch)

    def apply(self, cursor: 'psycopg2.extensions.cursor', table: str, changes: List[tuple]) -> None:
        """The last change of a key decides."""
        columns, key = self.columns[table], self.keys[table]
        rows: Dict[tuple, Dict[str, object]] = {}
        gone = []
        for _, _, operation, before, after in changes:
            row = json.loads(after or before)
            rows.pop(tuple(row[name] for name in key), None)
            if operation == 'DELETE':
                gone.append(tuple(str(row[name]) for name in key))
            else:
                rows[tuple(row[name] for name in key)] = row
        names = ', '.join(f'"{name}"' for name in columns)
        if gone:
            matched = ', '.join(f'"{name}"' for name in key)
            psycopg2.extras.execute_values(cursor, f'DELETE FROM {self.schema}."{table}" WHERE ({matched}) IN (%s)', gone, page_size=BATCH)
        if rows:
            updates = ', '.join(f'"{name}" = excluded."{name}"' for name in columns if name not in key)
            psycopg2.extras.execute_values(
                cursor, f'INSERT INTO {self.schema}."{table}" ({names}) VALUES %s ON CONFLICT ({", ".join(chr(34) + name + chr(34) for name in key)}) '
                f'DO UPDATE SET {updates}', [[as_text(row[name]) for name in columns] for row in rows.values()], page_size=BATCH)


def as_text(value: object) -> object:
    """What a text column of PostgreSQL takes; it has no NUL."""
    return None if value is None else str(value).replace('\x00', '')
