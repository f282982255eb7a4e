"""
SQLite + Supabase Sync System - An Edit At Every Step

A sync is held before its 1st, 2nd, 3rd … statement, and somebody's edit of a row that it ships is committed there (or waits for the
row's lock, when the sync has written it already), until a run has no statement left. Whenever it happens, an edit that took effect is
recorded, and with target_wins it is what stands in the copy afterwards; verify agrees. (Who waited for a row that is gone, or there
already, changed nothing: then the source's word stands.) Of a table that is loaded anew with another key the edits before that cannot be
carried over: they stand in the log.

Each kind of edit at every step with SYNC_NODE_LONG=1 or for the kinds named as arguments; else at every seventh, from another one for each.
"""

import itertools
import json
import os
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.private_postgres import PostgresError  # noqa: E402
from support.product import Product  # noqa: E402
from support.wire_proxy import WireProxy  # noqa: E402


class Kind(NamedTuple):
    """What the application does, what the person does, what rows 1, 2, 1000 + n and 5000 + n are with the edit and without it.
    {n} is the step, {was} the name that the row had when its key was changed."""

    source: str
    edit: str
    kept: str
    without: str
    arguments: Tuple[str, ...] = ()


STRIDE = 7
UPDATE = "UPDATE item SET name = 'source {n}' WHERE id = 1"
EDIT = "UPDATE item SET name = 'target {n}' WHERE id = 1"
KINDS = {
    'update/update': Kind(UPDATE, EDIT, '1=target {n},2=base {n}', '1=source {n},2=base {n}'),
    'update/delete': Kind(UPDATE, 'DELETE FROM item WHERE id = 1', '2=base {n}', '1=source {n},2=base {n}'),
    'delete/update': Kind('DELETE FROM item WHERE id = 1', EDIT, '1=target {n},2=base {n}', '2=base {n}'),
    'insert/insert': Kind("INSERT INTO item VALUES({n} + 1000, 'source')", "INSERT INTO item VALUES({n} + 1000, 'target {n}')",
                          '1=base {n},2=base {n},{key}=target {n}', '1=base {n},2=base {n},{key}=source'),
    'update/truncate': Kind(UPDATE, 'TRUNCATE item', '', ''),
    'update/key': Kind(UPDATE, 'UPDATE item SET id = {n} + 5000 WHERE id = 1', '2=base {n},{moved}={was}', ''),
    'delete/key': Kind('DELETE FROM item WHERE id = 1', 'UPDATE item SET id = {n} + 5000 WHERE id = 1', '2=base {n},{moved}={was}', '2=base {n}'),
    'insert/key': Kind("INSERT INTO item VALUES({n} + 1000, 'source')", 'UPDATE item SET id = {n} + 1000 WHERE id = 1',
                       '2=base {n},{key}={was}', '1=base {n},2=base {n},{key}=source'),
    'full update/update': Kind(UPDATE, EDIT, '1=target {n},2=base {n}', '1=source {n},2=base {n}', ('--full',)),
    'full update/delete': Kind(UPDATE, 'DELETE FROM item WHERE id = 1', '2=base {n}', '1=source {n},2=base {n}', ('--full',)),
    'full other/update': Kind("UPDATE item SET name = 'source {n}' WHERE id = 2", EDIT, '1=target {n},2=source {n}', '', ('--full',)),
}


class Bench:
    def __init__(self, product: Product, proxy: WireProxy, name: str) -> None:
        self.product, self.proxy, self.name = product, proxy, name
        self.took_effect = False
        self.failed: Optional[PostgresError] = None
        self.path = str(product.directory / f'{name}.db')
        self.schema = product.schema(name)
        policy = product.directory / 'target-wins.json'
        policy.write_text(json.dumps({'conflict_resolution': {'default_strategy': 'target_wins'}}))
        self.environment = {**product.environment(), 'CONFLICT_POLICY_FILE': str(policy), 'BRAKE_MIN_ROWS': '1000000'}
        self.source("CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO item VALUES(1, 'base'), (2, 'base')")
        product.register(name, self.path)
        self.sync()

    def source(self, sql: str) -> None:
        with sqlite3.connect(self.path) as connection:
            connection.executescript(f'BEGIN; {sql}; COMMIT')
        connection.close()

    def copy(self, sql: str) -> str:
        return self.product.server.superuser_psql(f'SET search_path = {self.schema}; {sql}').strip()

    def sync(self, *arguments: str) -> None:
        ran = self.product.sync(self.name, self.path, *arguments, env=self.environment)
        assert ran.code == 0, ran.output

    def recorded(self) -> int:
        return int(self.copy("SELECT count(*) FROM _sync_edits WHERE operation <> 'decision'"))

    def fresh(self, step: int) -> None:
        """Both sides say the same new thing of rows 1 and 2, so nothing of them is open."""
        rows = f"(1, 'base {step}'), (2, 'base {step}')"
        self.source(f'INSERT OR REPLACE INTO item VALUES{rows}')
        self.copy(f'INSERT INTO item VALUES{rows} ON CONFLICT (id) DO UPDATE SET name = excluded.name')
        self.sync()
        keys = "'\\x010000000000000001', '\\x010000000000000002'"
        assert self.copy(f'SELECT count(*) FROM _sync_edits WHERE resolved_at IS NULL AND row_key IN ({keys})') == '0'

    def attempt(self, edit: str) -> None:
        try:
            self.took_effect = self.copy(edit if edit.startswith('TRUNCATE') else f'{edit} RETURNING id') != '' or edit.startswith('TRUNCATE')
        except PostgresError as error:
            if 'duplicate key' not in str(error):
                self.failed = error

    def run(self, step: int, edit: str, *arguments: str) -> bool:
        """False when the sync has fewer statements than that."""
        self.proxy.reset()
        reached = threading.Event()
        editing: List[threading.Thread] = []
        self.took_effect, self.failed = False, None

        def before(number: int, _: bytes) -> bool:
            if number == step and not reached.is_set():
                reached.set()
                thread = threading.Thread(target=self.attempt, args=(edit,))
                thread.start()
                thread.join(0.3)  # it is committed, or it waits for a lock of the very transaction that is held here
                editing.append(thread)
            return False

        self.proxy.before_statement = before
        ran = self.product.sync(self.name, self.path, *arguments, env={**self.environment, 'DATABASE_URL': self.proxy.url})
        assert ran.code == 0, f'step {step}: {ran.output}'
        for thread in editing:
            thread.join()
        assert self.failed is None, f'step {step}: {self.failed}'
        return reached.is_set()

    def verify(self, where: str) -> None:
        verified = self.product.run('sync-nodectl', 'verify', self.name, env=self.environment)
        assert verified.code == 0, f'{where}: {verified.output}'


def check(bench: Bench, kind: Kind, where: str, step: int, edits: int) -> None:
    recorded = bench.recorded()
    assert (recorded > edits) == bench.took_effect, f'{where}: {recorded - edits} edits recorded, took effect: {bench.took_effect}'
    assert bench.took_effect or kind.without, f'{where}: the edit had no effect'
    keys = {'n': step, 'key': step + 1000, 'moved': step + 5000}
    was = bench.copy("SELECT new_image->>'name' FROM _sync_edits WHERE operation = 'insert' ORDER BY edit_id DESC LIMIT 1") if '{was}' in kind.kept else ''
    wanted = (kind.kept if bench.took_effect else kind.without).format(was=was, **keys)
    for turn in ('after it', 'after a full sync'):
        found = bench.copy(f"SELECT string_agg(id || '=' || name, ',' ORDER BY id) FROM item WHERE id IN (1, 2, {keys['key']}, {keys['moved']})")
        assert found == wanted, f'{where}, {turn}: {found!r}, not {wanted!r}'
        if turn == 'after it':
            bench.verify(where)
            bench.sync('--full')


def every_step(product: Product, proxy: WireProxy, name: str, kind: Kind, steps: Iterator[int]) -> None:
    bench = Bench(product, proxy, name.replace('/', '-').replace(' ', '-'))
    done = 0
    for step in steps:
        bench.fresh(step)
        edits = bench.recorded()
        bench.source(kind.source.format(n=step))
        if not bench.run(step, kind.edit.format(n=step), *kind.arguments):
            break
        check(bench, kind, f'{name}, before statement {step}', step, edits)
        done += 1
    assert step > 10, f'{name}: only {step} statements'
    print(f'{name}: an edit before each of {done} statements: recorded, kept, verified', flush=True)


# ---------------------------------------------------------------------------------------------- loaded anew

RELOADS = {  # rows of the table, the edit, the id of its row
    'reload update': (100, "UPDATE item SET name = 'target {n}' WHERE id = 1", '1'),
    'reload insert': (100, "INSERT INTO item(id, kind, name) VALUES({n} + 5000, 'k', 'target {n}')", '{n} + 5000'),
    'reload delete': (100, 'DELETE FROM item WHERE id = 1', '1'),
    'load update': (2500, "UPDATE item SET name = 'target {n}' WHERE id = 1", '1'),  # so many travel outside of the transaction
}


def with_another_key(turn: int) -> str:
    return (f"CREATE TABLE other(id INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT, PRIMARY KEY({('id', 'id, kind')[turn % 2]}));"
            "INSERT INTO other SELECT id, 'k', name FROM item; DROP TABLE item; ALTER TABLE other RENAME TO item")


def every_step_of_a_reload(product: Product, proxy: WireProxy, name: str, rows: int, edit: str, key: str, steps: Iterator[int]) -> None:
    """The table gets another key, so it is replaced by another one. Each edit is in the copy or in the log, never in neither."""
    bench = Bench(product, proxy, name.replace(' ', '-'))
    bench.source(f"WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) INSERT INTO item SELECT i, 'base' FROM n;"
                 f'{with_another_key(0)}')
    bench.sync()
    kept = logged = last = 0
    to_the_end = False
    for turn in itertools.count(1):
        step = next(steps)
        where, row = f'{name}, before statement {step}', key.format(n=step)
        edits = bench.recorded()
        bench.source(f"{with_another_key(turn)}; UPDATE item SET name = 'source {step}' WHERE id = 1")
        if not bench.run(step, edit.format(n=step)):
            if to_the_end or step == last + 1:
                break
            to_the_end, steps = True, itertools.count(last + 1)  # what is behind the COMMIT is only a statement or two
            continue
        last = step
        assert bench.took_effect, f'{where}: the edit had no effect'
        assert bench.recorded() == edits + 1, f'{where}: {bench.recorded() - edits} edits recorded'
        log = json.loads(product.server.superuser_psql(
            "SELECT coalesce(json_agg(row_to_json(c) ORDER BY c.detected_at), '[]') FROM sync_metadata.conflict_log c "
            f"WHERE client_name = '{bench.name}' AND conflict_type = 'custom'"))[logged:]
        edited = '' if 'DELETE' in edit else f'target {step}'
        without = f'source {step}' if row == '1' else ''
        found = bench.copy(f'SELECT name FROM item WHERE id = {row}')
        if log:
            assert len(log) == 1 and (log[0]['target_data'] or {'name': ''})['name'] == edited and log[0]['edited_by'] == 'postgres', f'{where}: {log}'
            assert (log[0]['outcome'], found) == ('source', without), f'{where}: {found!r} in the copy; {log}'
            logged += 1
        else:
            assert found == edited, f'{where}: {found!r} in the copy, and nothing in the log'
            kept += 1
        bench.verify(where)
        # Both sides say the same new thing again.
        bench.source(f"INSERT OR REPLACE INTO item VALUES(1, 'k', 'base {step}')")
        bench.copy(f"DELETE FROM item WHERE id IN (1, {row}); INSERT INTO item(id, kind, name) VALUES(1, 'k', 'base {step}')")
        bench.sync()
        assert bench.copy('SELECT count(*) FROM item') == str(rows), where
    assert step > 10 and kept > 0 and logged > 0, f'{name}: {step} statements, {kept} kept, {logged} in the log'
    print(f'{name}: an edit before each of {kept + logged} statements: recorded, {kept} kept, {logged} in the log, verified', flush=True)


def steps(number: int, all_of_them: bool) -> Iterator[int]:
    """Of the kind of that number."""
    return itertools.count(1) if all_of_them else itertools.count(1 + number % STRIDE, STRIDE)


def main() -> int:
    wanted = sys.argv[1:]
    whole = bool(wanted or os.environ.get('SYNC_NODE_LONG'))
    names = [name for name in [*KINDS, *RELOADS] if not wanted or name in wanted]
    with Product() as product, WireProxy(product.cluster.url) as proxy:
        for number, name in enumerate(names):
            if name in KINDS:
                every_step(product, proxy, name, KINDS[name], steps(number, whole))
            else:
                rows, edit, key = RELOADS[name]
                every_step_of_a_reload(product, proxy, name, rows, edit, key, steps(number, whole))
    return 0


if __name__ == '__main__':
    sys.exit(main())
