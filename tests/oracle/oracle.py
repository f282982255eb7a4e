"""
SQLite + Supabase Sync System - Oracle

The independent judge. Reads the SQLite file with Python's sqlite3 and the copy with psql, decodes the copy by the documented
rules from nothing but `_sync_tables` and `_sync_quarantine`, and compares storage class and bytes of every value of every table.

  oracle.py --sqlite FILE --url URL --schema client_x      exit 0 equal, 1 different, 2 could not compare

Rows are compared as multisets of whole rows: a missing, doubled or altered row shows, whatever the key.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Counter as Counts, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from oracle.decode import NULL_VALUE, Value, decode, encode_key, expression, row_digest, stored  # noqa: E402

CLASSES = {'integer': 1, 'real': 2, 'text': 3, 'blob': 4}
SHOWN = 10
Quarantine = Dict[Tuple[str, bytes, str], Value]


class OracleError(RuntimeError):
    """The comparison itself could not be made."""


class Report(NamedTuple):
    """What was compared and every difference found."""

    tables: int
    rows: int
    quarantined: int
    skipped: Dict[str, str]
    problems: List[str]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Source:
    """The SQLite file, read with one transaction."""

    def __init__(self, path: str) -> None:
        self.connection = sqlite3.connect(f'file:{path}?mode=ro'.replace('#', '%23'), uri=True, timeout=10, isolation_level=None)
        self.connection.text_factory = bytes
        self.connection.execute('BEGIN')

    def names(self, sql: str) -> List[str]:
        return [bytes(row[0]).decode('utf-8', 'surrogateescape') for row in self.connection.execute(sql)]

    def tables(self) -> List[str]:
        return self.names("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")

    def columns(self, table: str) -> List[str]:
        return self.names(f'SELECT name FROM pragma_table_xinfo({quoted_literal(table)}) WHERE hidden <> 1')

    def rows(self, table: str, columns: List[str]) -> Iterator[List[Value]]:
        fields = ', '.join(f'typeof({quoted(column)}), {quoted(column)}' for column in columns)
        for row in self.connection.execute(f'SELECT {fields} FROM {quoted(table)}'):
            yield [stored(row[i].decode(), row[i + 1]) for i in range(0, len(row), 2)]

    def close(self) -> None:
        self.connection.close()


def quoted_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Column(NamedTuple):
    """A column of the copy; one that is not `direct` has all its values in quarantine."""

    target: str
    type: str
    direct: bool


def source_name(wire: str) -> str:
    """Names that are not UTF-8 travel as \\x and hexadecimal digits."""
    return bytes.fromhex(wire[2:]).decode('utf-8', 'surrogateescape') if wire.startswith('\\x') else wire


class Described(NamedTuple):
    """One row of _sync_tables."""

    name: str
    target: str
    key_kind: str
    key_columns: List[str]
    columns: Dict[str, Column]  # by source name
    state: str
    reason: str


class Copy:
    """The client's schema in PostgreSQL, read through psql."""

    def __init__(self, url: str, schema: str) -> None:
        self.url, self.schema = url, schema

    def psql(self, script: str) -> Iterator[str]:
        """Lines of psql's output; they hold no tab-escaped data, so a line is a row."""
        with tempfile.NamedTemporaryFile('w', suffix='.sql') as file:
            file.write(script)
            file.flush()
            yield from self._run(file.name)

    def _run(self, script: str) -> Iterator[str]:
        process = subprocess.Popen(['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', self.url, '-f', script],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout and process.stderr
        for line in process.stdout:
            yield line.decode('ascii').rstrip('\n')
        errors = process.stderr.read().decode(errors='replace')
        process.stdout.close()
        process.stderr.close()
        if process.wait() != 0:
            raise OracleError(f'psql: {errors.strip()}')

    def documents(self, query: str) -> Iterator[Any]:
        """One JSON document a line, ASCII by hexadecimal."""
        script = f"COPY (SELECT encode(convert_to(row_to_json(d)::text, 'UTF8'), 'hex') FROM ({query}) AS d) TO STDOUT;"
        for line in self.psql(script):
            yield json.loads(bytes.fromhex(line))

    def tables(self) -> Dict[str, Described]:
        found = {}
        for row in self.documents(f'SELECT * FROM {quoted(self.schema)}._sync_tables'):
            columns = {source_name(c['name']): Column(c['target'], c['type'], c.get('direct', True)) for c in row['columns'] or []}
            name = source_name(row['table_name'])
            found[name] = Described(name, row['target_name'], row['key_kind'], [source_name(c) for c in row['key_columns'] or []],
                                    columns, row['state'], row['reason'] or '')
        return found

    def quarantine(self) -> Quarantine:
        pieces: Dict[Tuple[str, bytes, str], List[Tuple[str, bytes]]] = {}
        query = (f"SELECT table_name, encode(row_key, 'hex') AS row_key, column_name, storage_class, encode(value, 'hex') AS value "
                 f'FROM {quoted(self.schema)}._sync_quarantine ORDER BY table_name, row_key, column_name, piece')
        for row in self.documents(query):
            key = (source_name(row['table_name']), bytes.fromhex(row['row_key']), row['column_name'])
            pieces.setdefault(key, []).append((row['storage_class'], bytes.fromhex(row['value'] or '')))
        return {key: Value(CLASSES[parts[0][0]], b''.join(part[1] for part in parts)) for key, parts in pieces.items()}

    def rows(self, tables: List[Tuple[Described, List[str]]]) -> Iterator[Tuple[str, Optional[List[str]]]]:
        """All tables in one psql session: (table, None) opens a table, (table, fields) is a row, the key column first."""
        script = ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;']
        for number, (table, columns) in enumerate(tables):
            fields = ["encode(_sync_key, 'hex')" if table.key_kind != 'plain' else "''"]
            described = [table.columns[column] for column in columns]
            fields += [expression(c.target, c.type) if c.direct else 'NULL' for c in described]
            script.append(f'\\echo ={number}')
            script.append(f'COPY (SELECT {", ".join(fields)} FROM {quoted(self.schema)}.{quoted(table.target)}) TO STDOUT;')
        name = ''
        for line in self.psql('\n'.join(script) + '\nCOMMIT;\n'):
            if line.startswith('='):
                name = tables[int(line[1:])][0].name
                yield name, None
            else:
                yield name, line.split('\t')


def copy_row(table: Described, columns: List[str], fields: List[str], quarantine: Quarantine,
             used: Set[Tuple[str, bytes, str]], problems: List[str]) -> List[Value]:
    """Decodes one row; NULLs are looked up in the quarantine under the row's key."""
    values = [decode(field, table.columns[column].type) for field, column in zip(fields[1:], columns)]
    if table.key_kind == 'plain':
        by_name = dict(zip(columns, values))
        row_key = encode_key([by_name[column] for column in table.key_columns])
    else:
        row_key = bytes.fromhex(fields[0])
    for position, column in enumerate(columns):
        key = (table.name, row_key, table.columns[column].target)
        if key in quarantine:
            used.add(key)
            if values[position] != NULL_VALUE:
                problems.append(f'{table.name}.{column}: row {row_key.hex()} has a value and a quarantined one')
            values[position] = quarantine[key]
    if table.key_kind == 'encoded':
        by_name = dict(zip(columns, values))
        if not is_key(row_key, [by_name[column] for column in table.key_columns]):
            problems.append(f'{table.name}: _sync_key {row_key.hex()[:80]} is not the encoding of its key columns')
    return values


def is_key(row_key: bytes, values: List[Value]) -> bool:
    """Where NULLs are in the key the rowid follows, which a copy does not know: then only the rest can be checked."""
    encoding = encode_key(values)
    if NULL_VALUE not in values:
        return row_key == encoding
    return len(row_key) == 33 and row_key[0] == 0xFF or row_key[:-8] == encoding + b'\x06' or row_key == encoding


def shape_problems(source: Source, described: Dict[str, Described]) -> List[str]:
    """Every table of the source is present or listed as skipped, with exactly its columns; none is present without a source."""
    problems = []
    names = source.tables()
    for name in names:
        if name not in described:
            problems.append(f'{name}: in the source, not in _sync_tables')
        elif described[name].state not in ('present', 'skipped'):
            problems.append(f'{name}: in the source, but {described[name].state} in the copy')
        elif described[name].state == 'present' and set(described[name].columns) != set(source.columns(name)):
            difference = set(described[name].columns) ^ set(source.columns(name))
            problems.append(f'{name}: columns differ: {sorted(difference)}')
    for name, table in described.items():
        if table.state == 'present' and name not in names:
            problems.append(f'{name}: present in the copy, not in the source')
    return problems


def explain(source: Source, copied: Dict[bytes, List[Value]], table: str, columns: List[str], missing: Counts[bytes],
            extra: Counts[bytes]) -> List[str]:
    """The first differing rows of a table in words."""
    lines = [f'{table}: {sum(missing.values())} rows of the source are not in the copy, {sum(extra.values())} rows of the copy are not in the source']
    shown = 0
    for values in source.rows(table, columns):
        digest = row_digest(values)
        if digest in missing and shown < SHOWN:
            shown += 1
            lines.append(f'  source: {dict(zip(columns, values))}')
    lines += [f'  copy:   {dict(zip(columns, copied[digest]))}' for digest in list(extra)[:SHOWN] if digest in copied]
    return lines


def compare(sqlite_path: str, url: str, schema: str, except_tables: Tuple[str, ...] = ()) -> Report:
    """Compares everything; `except_tables` are those whose changes are held."""
    source = Source(sqlite_path)
    try:
        copy = Copy(url, schema)
        described = {name: table for name, table in copy.tables().items() if name not in except_tables}
        quarantine = copy.quarantine()
        problems = [p for p in shape_problems(source, described) if p.split(':')[0] not in except_tables]
        wrong_shape = {p.split(':')[0] for p in problems}
        tables = [(table, source.columns(name)) for name, table in sorted(described.items())
                  if table.state == 'present' and name not in wrong_shape]
        counted, used, rows = compare_rows(source, copy, tables, quarantine, problems)
        unused = [key for key in quarantine if key not in used and key[0] in counted]
        problems += [f'{key[0]}.{key[2]}: quarantined value of a row that is not there ({key[1].hex()[:80]})' for key in unused]
        skipped = {name: table.reason for name, table in described.items() if table.state == 'skipped'}
        return Report(len(tables), rows, len(quarantine), skipped, problems)
    finally:
        source.close()


def compare_rows(source: Source, copy: Copy, tables: List[Tuple[Described, List[str]]], quarantine: Quarantine,
                 problems: List[str]) -> Tuple[Set[str], Set[Tuple[str, bytes, str]], int]:
    """Streams both sides table by table."""
    by_name = {table.name: (table, columns) for table, columns in tables}
    used: Set[Tuple[str, bytes, str]] = set()
    rows = 0
    balance: Counts[bytes] = Counter()
    copied: Dict[bytes, List[Value]] = {}
    current: Optional[str] = None

    def finish() -> None:
        if current is None:
            return
        missing = Counter({digest: count for digest, count in balance.items() if count > 0})
        extra = Counter({digest: -count for digest, count in balance.items() if count < 0})
        if missing or extra:
            problems.extend(explain(source, copied, current, by_name[current][1], missing, extra))

    for name, fields in copy.rows(tables):
        if fields is None:
            finish()
            current, balance, copied = name, Counter(), {}
            for values in source.rows(name, by_name[name][1]):
                balance[row_digest(values)] += 1
                rows += 1
            continue
        values = copy_row(*by_name[name], fields, quarantine, used, problems)
        digest = row_digest(values)
        balance[digest] -= 1
        if balance[digest] == 0:
            del balance[digest]
        elif len(copied) < SHOWN:
            copied[digest] = values
    finish()
    return set(by_name), used, rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sqlite', required=True)
    parser.add_argument('--url', required=True)
    parser.add_argument('--schema', required=True)
    parser.add_argument('--except-table', action='append', default=[])
    args = parser.parse_args()
    try:
        report = compare(args.sqlite, args.url, args.schema, tuple(args.except_table))
    except (OracleError, sqlite3.Error) as error:
        print(f'cannot compare: {error}', file=sys.stderr)
        return 2
    for name, reason in report.skipped.items():
        print(f'skipped {name}: {reason}')
    for problem in report.problems:
        print(problem)
    print(f'{"different" if report.problems else "equal"}: {report.tables} tables, {report.rows} rows, {report.quarantined} quarantined values')
    return 1 if report.problems else 0


if __name__ == '__main__':
    sys.exit(main())
