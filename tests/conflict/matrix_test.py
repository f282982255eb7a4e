"""
SQLite + Supabase Sync System - The Matrix Of Conflicts

Five strategies, four kinds of conflict, six forms of times, on a real node: what becomes of each row, what the log says of it, and
what the metrics count. Each client has its strategy from its own configuration, over the host's policy file.
"""

import json
import re
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.nodes import Node, until  # noqa: E402
from support.product import Product  # noqa: E402

# form → type of the column, and its time in: the base, the source, the target, as SQL
FORMS: Dict[str, Tuple[str, str, str, str]] = {
    'seconds': ('BIGINT', '1700000000', '1700000100', '1700000200'),
    'milliseconds': ('BIGINT', '1700000000000', '1700000100000', '1700000200000'),
    'nanoseconds': ('BIGINT', '1700000000000000000', '1700000100000000000', '1700000200000000000'),
    'iso': ('TEXT', "'2023-11-14T22:13:20Z'", "'2023-11-14T22:15:00Z'", "'2023-11-14T22:16:40Z'"),
    'missing': ('BIGINT', 'NULL', 'NULL', 'NULL'),
    'tie': ('BIGINT', '1700000000', '1700000100', '1700000100'),
}
UPDATES, UPDATE_DELETE, DELETE_UPDATE, INSERTS = 1, 2, 3, 4
TYPES = {UPDATES: 'update_conflict', UPDATE_DELETE: 'delete_conflict', DELETE_UPDATE: 'delete_conflict', INSERTS: 'constraint_violation'}
GONE, SOURCE, TARGET = 'gone', 'source/source', 'target/target'
SOURCE_ROW = {UPDATES: SOURCE, UPDATE_DELETE: SOURCE, DELETE_UPDATE: GONE, INSERTS: SOURCE}  # what each side made of the row
TARGET_ROW = {UPDATES: 'target/base', UPDATE_DELETE: GONE, DELETE_UPDATE: 'target/base', INSERTS: TARGET}
TIMED = ('seconds', 'milliseconds', 'nanoseconds', 'iso')  # the target's time is the later one


class Expected(NamedTuple):
    row: str                # a/b of the row in the copy afterwards
    outcome: Optional[str]  # of the log; None: it waits


def expected(strategy: str, kind: int, form: str) -> Expected:
    """Written out by hand from docs/CONFLICTS.md."""
    source, target = Expected(SOURCE_ROW[kind], 'source'), Expected(TARGET_ROW[kind], 'target')
    if strategy == 'source_wins':
        return source
    if strategy == 'target_wins':
        return target
    if strategy == 'manual':
        return Expected(TARGET_ROW[kind], None)
    if strategy == 'newest_wins':
        if kind == UPDATE_DELETE:
            return source  # what is left is later than it was; where that is not known, the source, which has it, wins
        if kind == DELETE_UPDATE:
            return target if form in (*TIMED, 'tie') else source  # the target's time is later than the base's
        return target if form in TIMED else source
    # merge: a by newest_wins; only the source changed b of the row that both had
    if kind == UPDATE_DELETE:
        return source
    if kind == DELETE_UPDATE:
        return target
    if kind == INSERTS:
        return target if form in TIMED else source
    return Expected('target/source', 'merged') if form in TIMED else source


STRATEGIES = ('newest_wins', 'source_wins', 'target_wins', 'merge', 'manual')


def policy_of(strategy: str) -> str:
    rules: Dict[str, object] = {'strategy': strategy}
    if strategy in ('newest_wins', 'merge'):
        rules['compare_field'] = 't'
    if strategy == 'merge':
        rules['merge_rules'] = {'a': 'newest_wins'}
    return json.dumps({'conflict_resolution': {'table_strategies': {form: rules for form in FORMS}}})


def make(product: Product, strategy: str) -> str:
    name, path = strategy.replace('_', '-'), str(product.directory / f'{strategy}.db')
    with sqlite3.connect(path) as source:
        for form, (kind, base, _, _) in FORMS.items():
            source.execute(f'CREATE TABLE {form}(id INTEGER PRIMARY KEY, a TEXT, b TEXT, t {kind})')
            source.execute(f"INSERT INTO {form} VALUES(1, 'base', 'base', {base}), (2, 'base', 'base', {base}), (3, 'base', 'base', {base})")
    source.close()
    product.register(name, path)
    product.server.superuser_psql(f"UPDATE sync_metadata.client_deployments SET config = '{policy_of(strategy)}' WHERE client_name = '{name}'")
    return name


def change(product: Product, name: str) -> None:
    """Both sides change every row: b of rows that both had only in the source."""
    edits: List[str] = []
    with sqlite3.connect(str(product.directory / f'{name.replace("-", "_")}.db')) as source:
        for form, (_, _, ours, theirs) in FORMS.items():
            source.execute(f"UPDATE {form} SET a = 'source', b = 'source', t = {ours} WHERE id IN (1, 2)")
            source.execute(f'DELETE FROM {form} WHERE id = 3')
            source.execute(f"INSERT INTO {form} VALUES(4, 'source', 'source', {ours})")
            table = f'{product.schema(name)}.{form}'
            edits += [f"UPDATE {table} SET a = 'target', t = {theirs} WHERE id IN (1, 3)", f'DELETE FROM {table} WHERE id = 2',
                      f"INSERT INTO {table} VALUES(4, 'target', 'target', {theirs})"]
    source.close()
    product.server.superuser_psql(';'.join(edits))


def synced(node: Node, name: str) -> str:
    """The job's end, once the node has counted it: it says so in its log last of all."""
    def told() -> int:
        return len(re.findall(rf"client '{name}': \w+, generation", node.text()))

    before = told()
    job = node.http('POST', '/api/v1/sync/trigger', {'client_name': name}).body['job_id']
    until(f'the end of the job of {name} in the log', 60, lambda: told() > before, 0.05)
    return str(node.http('GET', f'/api/v1/sync/jobs/{job}').body['status'])


def counted(node: Node) -> 'Counter[str]':
    """sync_conflicts_… of the metrics that are not zero, by name and strategy."""
    lines = re.findall(r'^sync_conflicts_(\w+)_total(?:\{strategy="(\w+)"\})? (\S+)$', node.http('GET', '/metrics').body, re.M)
    return Counter({f'{name} {strategy}'.strip(): int(float(value)) for name, strategy, value in lines})


def main() -> int:
    wrong: List[str] = []
    with Product() as product:
        names = {strategy: make(product, strategy) for strategy in STRATEGIES}
        with Node(product, 'a', None, BRAKE_MIN_ROWS='1000000') as node:
            node.start()
            until('it to lead', 30, lambda: node.health()['is_leader'])
            for strategy, name in names.items():
                assert synced(node, name) == 'success', name
                change(product, name)
                before = counted(node)
                wanted = [expected(strategy, kind, form) for form in FORMS for kind in TYPES]
                decided = sum(1 for one in wanted if one.outcome)
                ends = 'success' if decided == len(wanted) else 'conflicts'
                for turn in ('the sync', 'the next sync'):  # which finds nothing new, and fights over nothing
                    status, counts = synced(node, name), counted(node) - before
                    if status != ends or counts != +Counter({'detected': len(wanted), f'resolved {strategy}': decided}):
                        wrong.append(f'{strategy}, {turn}: {status}, not {ends}; {dict(counts)}')
                    wrong += [f'{line} ({turn})' for line in compare(product, strategy, name)]
        print(f'{len(STRATEGIES)} strategies × {len(TYPES)} kinds × {len(FORMS)} forms of time: {len(wrong)} wrong')
    print('\n'.join(wrong))
    return 1 if wrong else 0


def facts_of(entry: Dict[str, Any]) -> Tuple[object, ...]:
    """What an entry of the log says, its images as a/b."""
    images = (f'{image["a"]}/{image["b"]}' if image else GONE
              for image in (entry[f'{which}_data'] for which in ('base', 'source', 'target', 'resolved')))
    return (entry['conflict_type'], entry['resolution_strategy'], entry['outcome'], entry['resolved_at'] is not None, *images)


def compare(product: Product, strategy: str, name: str) -> List[str]:
    schema, wrong = product.schema(name), []
    entries = json.loads(product.server.superuser_psql(
        f"SELECT json_agg(row_to_json(c)) FROM sync_metadata.conflict_log c WHERE client_name = '{name}'"))
    log = {f'{entry["table_name"]} {entry["record_id"]}': entry for entry in entries}
    if len(entries) != len(FORMS) * len(TYPES):
        wrong.append(f'{strategy}: {len(entries)} entries in the log')
    for form, (_, _, ours, theirs) in FORMS.items():
        rows = dict(line.split(' ', 1) for line in product.server.superuser_psql(
            f"SELECT id || ' ' || a || '/' || b || ' at ' || coalesce(t::text, 'NULL') FROM {schema}.{form}").split('\n') if line)
        for kind, word in TYPES.items():
            where, wanted = f'{strategy}, {word} {kind}, {form}', expected(strategy, kind, form)
            time = (ours if wanted.row == SOURCE else theirs).strip("'")  # what is merged has the newer time
            row = GONE if wanted.row == GONE else f'{wanted.row} at {time}'
            if rows.get(str(kind), GONE) != row:
                wrong.append(f'{where}: the row is {rows.get(str(kind), GONE)}, not {row}')
            if f'{form} {kind}' not in log:
                wrong.append(f'{where}: not in the log')
                continue
            entry = log[f'{form} {kind}']
            facts = (word, strategy, wanted.outcome, wanted.outcome is not None, GONE if kind == INSERTS else 'base/base',
                     SOURCE_ROW[kind], TARGET_ROW[kind], wanted.row if wanted.outcome else GONE)
            if facts_of(entry) != facts:
                wrong.append(f'{where}: the log says {facts_of(entry)}, not {facts}; {entry["resolution_notes"]}')
    return wrong


if __name__ == '__main__':
    sys.exit(main())
