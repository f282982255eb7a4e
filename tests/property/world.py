"""
SQLite + Supabase Sync System - A World of Hostile Tables

A random SQLite file and the ways an application, a migration or a person changes it. Everything follows from one seed.
"""

import random
import sqlite3
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from property.hostile import STRICT_TYPES, TYPES, Hostile, quoted  # noqa: E402

REFUSED = (sqlite3.IntegrityError, sqlite3.OperationalError)  # a constraint or an ALTER that SQLite itself refuses


class Table:
    """What the generator knows of a table; the truth is asked from SQLite each time."""

    def __init__(self, name: str, hostility: float) -> None:
        self.name, self.hostility = name, hostility


class World:
    """One file. `open()` gives a connection; nothing stays open between calls."""

    def __init__(self, path: Path, seed: str, tables: int) -> None:
        self.path = path
        self.random = random.Random(seed)
        self.hostile = Hostile(self.random)
        self.tables: List[Table] = []
        self.dropped: List[str] = []
        self.log: List[str] = []
        connection = self.open()
        connection.execute(f'PRAGMA page_size = {self.random.choice([512, 1024, 4096, 4096, 65536])}')
        encoding = self.random.choice(['UTF-8', 'UTF-8', 'UTF-8', 'UTF-16le', 'UTF-16be'])
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        # In a UTF-16 file SQLite itself damages indexes over text that is not valid and over lower() of a blob.
        self.hostile.bad_text = encoding == 'UTF-8'
        connection.execute(f'PRAGMA auto_vacuum = {self.random.choice([0, 0, 1, 2])}')
        connection.execute('PRAGMA journal_mode = %s' % self.random.choice(['WAL', 'DELETE']))
        self.furniture(connection)
        for _ in range(tables):
            self.create(connection)
        connection.close()

    def open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute('PRAGMA synchronous = OFF')
        return connection

    def furniture(self, connection: sqlite3.Connection) -> None:
        """What is not copied: virtual tables with their shadows, views, an Alembic leftover."""
        connection.executescript('CREATE VIRTUAL TABLE "search" USING fts5(title, body); INSERT INTO "search" VALUES (\'a\', \'b\');'
                                 'CREATE VIRTUAL TABLE "area" USING rtree(id, x0, x1); INSERT INTO "area" VALUES (1, 0, 1);'
                                 'CREATE TABLE "_alembic_tmp_left" (a); CREATE VIEW "seen" AS SELECT 1 AS one;')

    def run(self, connection: sqlite3.Connection, sql: str, parameters: Tuple[Any, ...] = ()) -> bool:
        """False when SQLite refused; a refusal is part of the game."""
        try:
            connection.execute(sql, parameters)
            self.log.append(sql[:300])
            return True
        except REFUSED as error:
            self.log.append(f'refused ({error}): {sql[:200]}')
            return False

    # --- tables ---------------------------------------------------------------------------------------
    def column_definitions(self, strict: bool) -> List[Tuple[str, str]]:
        names: List[str] = []
        for _ in range(self.random.choice([1, 2, 3, 5, 8, 14])):
            names.append(self.hostile.name(names))
        return [(name, self.random.choice(STRICT_TYPES if strict else TYPES)) for name in names]

    def create(self, connection: sqlite3.Connection, name: Optional[str] = None) -> None:
        name = self.hostile.name([t.name for t in self.tables] + self.dropped + ['search', 'area', 'seen']) if name is None else name
        if self.random.random() < 0.8 and name.startswith('c'):
            name = 't' + name[1:]
        strict = self.random.random() < 0.08
        columns = self.column_definitions(strict)
        key = self.random.choice(['none', 'none', 'rowid', 'rowid', 'auto', 'desc', 'single', 'single', 'composite', 'index', 'nullable index',
                                  'without rowid', 'without rowid', 'partial'])
        lines = [f'{quoted(c)} {t}' + self.decoration(t, key) for c, t in columns]
        options = ['STRICT'] if strict else []
        chosen = [quoted(c) for c, _ in self.random.sample(columns, min(len(columns), self.random.choice([1, 2, 3])))]
        if key in ('rowid', 'auto', 'desc'):
            kind = {'rowid': '', 'auto': ' AUTOINCREMENT', 'desc': ' DESC'}[key]
            lines[0] = f'{quoted(columns[0][0])} INTEGER PRIMARY KEY{kind}'
        elif key in ('single', 'composite', 'without rowid'):
            lines.append(f'PRIMARY KEY ({", ".join(chosen[:1] if key == "single" else chosen)})')
        if key == 'without rowid':
            options.append('WITHOUT ROWID')
        if self.random.random() < 0.15:
            lines.append(f'{quoted(self.hostile.name([c for c, _ in columns]))} {"TEXT" if strict else ""} GENERATED ALWAYS AS '
                         f'(typeof({quoted(columns[-1][0])})) {self.random.choice(["VIRTUAL", "STORED"])}')
        if not self.run(connection, f'CREATE TABLE {quoted(name)} ({", ".join(lines)}) {", ".join(options)}'):
            return
        table = Table(name, self.random.choice([0.0, 0.05, 0.3, 1.0]))
        self.tables.append(table)
        number = self.random.randrange(10**9)
        if key == 'index':
            self.run(connection, f'CREATE UNIQUE INDEX u{number} ON {quoted(name)} ({", ".join(chosen)})')
        elif key == 'nullable index':
            self.run(connection, f'CREATE UNIQUE INDEX u{number} ON {quoted(name)} ({chosen[0]}' +
                     (f', lower({chosen[0]}))' if self.hostile.bad_text else ')'))
        elif key == 'partial':
            self.run(connection, f'CREATE UNIQUE INDEX u{number} ON {quoted(name)} ({chosen[0]}) WHERE {chosen[0]} IS NOT NULL')
        self.insert(connection, table, self.random.choice([0, 1, 3, 10, 30, 70]))

    def decoration(self, declared: str, key: str) -> str:
        words = ''
        if key == 'index' or self.random.random() < 0.1:
            words += ' NOT NULL'
        if self.random.random() < 0.08:
            words += ' COLLATE NOCASE'
        if self.random.random() < 0.08:
            words += self.random.choice([' DEFAULT 0', " DEFAULT '{}'", " DEFAULT x'00'", ' DEFAULT (1.5)'])
        return words

    def columns(self, connection: sqlite3.Connection, table: Table) -> List[Tuple[str, str]]:
        """Those that can be written."""
        return [(row[1], row[2]) for row in connection.execute(f'PRAGMA table_xinfo({quoted(table.name)})') if row[6] == 0]

    def address(self, connection: sqlite3.Connection, table: Table) -> Optional[List[str]]:
        """Expressions that identify a row: the rowid under a name no column has, else the primary key; else nothing."""
        info = connection.execute(f'PRAGMA table_xinfo({quoted(table.name)})').fetchall()
        listed = connection.execute('SELECT wr FROM pragma_table_list(?) WHERE schema = ?', (table.name, 'main')).fetchone()
        if listed and listed[0]:
            return [quoted(row[1]) for row in sorted(info, key=lambda row: row[5]) if row[5]]
        free = [name for name in ('rowid', '_rowid_', 'oid') if name not in {row[1].lower() for row in info}]
        return free[:1] or None

    def some_rows(self, connection: sqlite3.Connection, table: Table, count: int) -> List[Tuple[str, Tuple[Any, ...]]]:
        """WHERE clauses of rows that exist. Invalid UTF-8 in a key cannot be bound back; such rows stay as they are."""
        address = self.address(connection, table)
        if address is None:
            return []
        connection.text_factory = lambda raw: raw.decode('utf-8', 'surrogateescape')
        rows = connection.execute(f'SELECT {", ".join(address)} FROM {quoted(table.name)}').fetchall()
        connection.text_factory = str
        rows = [row for row in rows if not any(isinstance(v, str) and any('\ud800' <= c <= '\udfff' for c in v) for v in row)]
        clause = ' AND '.join(f'{expression} IS ?' for expression in address)
        return [(clause, row) for row in self.random.sample(rows, min(count, len(rows)))]

    # --- changes --------------------------------------------------------------------------------------
    def insert(self, connection: sqlite3.Connection, table: Table, count: int) -> None:
        columns = self.columns(connection, table)
        for _ in range(count):
            bound = [self.hostile.pick(declared, table.hostility) for _, declared in columns]
            verb = self.random.choice(['INSERT', 'INSERT', 'INSERT OR REPLACE'])
            self.run(connection, f'{verb} INTO {quoted(table.name)} ({", ".join(quoted(c) for c, _ in columns)}) '
                     f'VALUES ({", ".join(sql for sql, _ in bound)})', tuple(value for _, value in bound))

    def insert_some(self, connection: sqlite3.Connection, table: Table) -> None:
        self.insert(connection, table, self.random.choice([1, 2, 8]))

    def duplicate(self, connection: sqlite3.Connection, table: Table) -> None:
        names = ', '.join(quoted(c) for c, _ in self.columns(connection, table))
        self.run(connection, f'INSERT OR IGNORE INTO {quoted(table.name)} ({names}) SELECT {names} FROM {quoted(table.name)} LIMIT 3')

    def update(self, connection: sqlite3.Connection, table: Table) -> None:
        columns = self.columns(connection, table)
        for clause, key in self.some_rows(connection, table, self.random.choice([1, 3, 10])):
            column, declared = self.random.choice(columns)
            sql, value = self.hostile.pick(declared, max(table.hostility, 0.2))
            self.run(connection, f'UPDATE {quoted(table.name)} SET {quoted(column)} = {sql} WHERE {clause}', (value, *key))

    def update_all(self, connection: sqlite3.Connection, table: Table) -> None:
        column, declared = self.random.choice(self.columns(connection, table))
        sql, value = self.hostile.pick(declared, 0.5)
        self.run(connection, f'UPDATE OR IGNORE {quoted(table.name)} SET {quoted(column)} = {sql}', (value,))

    def delete(self, connection: sqlite3.Connection, table: Table) -> None:
        for clause, key in self.some_rows(connection, table, self.random.choice([1, 2, 10])):
            self.run(connection, f'DELETE FROM {quoted(table.name)} WHERE {clause}', key)

    def empty(self, connection: sqlite3.Connection, table: Table) -> None:
        self.run(connection, f'DELETE FROM {quoted(table.name)}')

    def same_again(self, connection: sqlite3.Connection, table: Table) -> None:
        """Written, but nothing changed."""
        column, _ = self.random.choice(self.columns(connection, table))
        self.run(connection, f'UPDATE {quoted(table.name)} SET {quoted(column)} = {quoted(column)}')

    def add_column(self, connection: sqlite3.Connection, table: Table) -> None:
        names = [row[1] for row in connection.execute(f'PRAGMA table_xinfo({quoted(table.name)})')]
        kind = self.random.choice(STRICT_TYPES)
        default = self.random.choice(['', ' DEFAULT 5', " DEFAULT 'x'", " DEFAULT '' NOT NULL"])
        self.run(connection, f'ALTER TABLE {quoted(table.name)} ADD COLUMN {quoted(self.hostile.name(names))} {kind}{default}')

    def drop_column(self, connection: sqlite3.Connection, table: Table) -> None:
        column, _ = self.random.choice(self.columns(connection, table))
        self.run(connection, f'ALTER TABLE {quoted(table.name)} DROP COLUMN {quoted(column)}')

    def rename_column(self, connection: sqlite3.Connection, table: Table) -> None:
        names = [row[1] for row in connection.execute(f'PRAGMA table_xinfo({quoted(table.name)})')]
        column, _ = self.random.choice(self.columns(connection, table))
        self.run(connection, f'ALTER TABLE {quoted(table.name)} RENAME COLUMN {quoted(column)} TO {quoted(self.hostile.name(names))}')

    def rebuild(self, connection: sqlite3.Connection, table: Table) -> None:
        """As Alembic's batch mode does it; types and keys may change on the way."""
        columns = self.columns(connection, table)
        lines = [f'{quoted(c)} {self.random.choice([t, t, "TEXT", "BLOB", "JSON", "INTEGER"]) if t else t}' for c, t in columns]
        if self.random.random() < 0.5:
            lines.append(f'PRIMARY KEY ({quoted(columns[0][0])})')
        names = ', '.join(quoted(c) for c, _ in columns)
        temporary = quoted('_alembic_tmp_' + table.name)
        if self.run(connection, f'CREATE TABLE {temporary} ({", ".join(lines)})'):
            connection.execute('BEGIN')
            if self.run(connection, f'INSERT OR IGNORE INTO {temporary} ({names}) SELECT {names} FROM {quoted(table.name)}'):
                connection.execute(f'DROP TABLE {quoted(table.name)}')
                connection.execute(f'ALTER TABLE {temporary} RENAME TO {quoted(table.name)}')
            else:
                connection.execute(f'DROP TABLE {temporary}')
            connection.execute('COMMIT')

    def reindex(self, connection: sqlite3.Connection, table: Table) -> None:
        """The index that gave identity goes, or one comes."""
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
                                   (table.name,)).fetchone()
        column, _ = self.random.choice(self.columns(connection, table))
        if found:
            self.run(connection, f'DROP INDEX {quoted(found[0])}')
        else:
            self.run(connection, f'CREATE UNIQUE INDEX u{self.random.randrange(10**9)} ON {quoted(table.name)} ({quoted(column)})')

    def trigger(self, connection: sqlite3.Connection, table: Table) -> None:
        self.run(connection, f'CREATE TRIGGER g{self.random.randrange(10**9)} AFTER DELETE ON {quoted(table.name)} BEGIN '
                 'DELETE FROM "_alembic_tmp_left"; END')

    def mutate(self) -> None:
        """One round: every table may change, then the file itself."""
        changes: List[Tuple[Callable[[sqlite3.Connection, Table], None], float]] = [
            (self.insert_some, 6), (self.update, 8), (self.delete, 5), (self.duplicate, 2), (self.update_all, 1.5), (self.empty, 0.5),
            (self.same_again, 1), (self.add_column, 1), (self.drop_column, 0.8), (self.rename_column, 0.6), (self.rebuild, 0.8),
            (self.reindex, 0.5), (self.trigger, 0.3)]
        connection = self.open()
        for table in self.tables:
            for change in self.random.choices([c for c, _ in changes], [w for _, w in changes], k=self.random.choice([0, 1, 2, 4])):
                change(connection, table)
        if self.random.random() < 0.3:
            self.create(connection)
        if self.random.random() < 0.25:
            self.run(connection, 'VACUUM')
        if self.random.random() < 0.2:
            self.run(connection, f'PRAGMA journal_mode = {self.random.choice(["WAL", "DELETE"])}')
        connection.close()

    def drop_one(self) -> Optional[str]:
        """A table goes, or is renamed; its old name."""
        if not self.tables:
            return None
        table = self.tables.pop(self.random.randrange(len(self.tables)))
        connection = self.open()
        connection.execute(f'DROP TABLE {quoted(table.name)}')
        connection.close()
        self.dropped.append(table.name)
        return table.name

    def counts(self) -> Dict[str, int]:
        connection = self.open()
        counts = {t.name: connection.execute(f'SELECT count(*) FROM {quoted(t.name)}').fetchone()[0] for t in self.tables}
        connection.close()
        return counts
