"""
SQLite + Supabase Sync System - Killed While Conflicts Are Resolved

SIGKILL at 100 random instants (SYNC_NODE_LONG=1: 1,000) of a sync that has twenty conflicts to resolve; as often of a person's `conflicts
resolve`, and a quarter as often of the syncs that leave them to that person. Whatever was killed, in the end each conflict is logged once,
resolved once, with the outcome of the policy or the one asked for; verify agrees.
"""

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Callable, Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fault.scenario import SHORT_LEASE, expire_lease  # noqa: E402
from support.product import BINARIES, Product  # noqa: E402

ROWS, CHANGED = 200, 20
KILLS = 1000 if os.environ.get('SYNC_NODE_LONG') else 100
OUTCOMES = {'source_wins': 'source', 'target_wins': 'target', 'merge': 'merged'}
CHOICES = {'source': 'source', 'target': 'target', 'merge': 'merged', 'value': 'value'}  # what a person says, and what the log then says

Row = Tuple[str, str, int]  # a, b, t


def policy(strategy: str) -> str:
    rules = {'strategy': strategy, **({'compare_field': 't', 'merge_rules': {'a': 'newest_wins'}} if strategy == 'merge' else {})}
    return json.dumps({'conflict_resolution': {'default_strategy': 'source_wins', 'default_compare_field': 't', 'table_strategies': {'item': rules}}})


class Bench:
    """A client of 200 rows under one strategy."""

    def __init__(self, product: Product, strategy: str, rng: random.Random) -> None:
        self.product, self.rng, self.turn = product, rng, 0
        self.name, self.path = f'kill-{strategy}', str(product.directory / f'{strategy}.db')
        file = product.directory / f'{strategy}.json'
        file.write_text(policy(strategy))
        self.environment = {**product.environment(), **SHORT_LEASE, 'CONFLICT_POLICY_FILE': str(file)}
        self.source = sqlite3.connect(self.path, isolation_level=None)
        self.source.execute('CREATE TABLE item(id INTEGER PRIMARY KEY, a TEXT, b TEXT, t INTEGER)')
        self.source.executemany('INSERT INTO item VALUES(?, ?, ?, 1)', [(number, 'base', 'base') for number in range(ROWS)])
        product.register(self.name, self.path)
        product.sync(self.name, self.path, env=self.environment)
        self.schema = product.schema(self.name)
        self.expected: 'Counter[str]' = Counter()  # conflicts by row

    def change(self) -> List[int]:
        """Rows that both sides change."""
        self.turn += 1
        chosen = self.rng.sample(range(ROWS), CHANGED)
        keys = ','.join(map(str, chosen))
        self.source.execute(f"UPDATE item SET a = 'source {self.turn}', t = {self.turn} * 10 WHERE id IN ({keys})")
        self.product.server.superuser_psql(f"UPDATE {self.schema}.item SET b = 'target {self.turn}', t = {self.turn} * 10 + 5 WHERE id IN ({keys})")
        self.expected.update(str(key) for key in chosen)
        return chosen

    def sync(self) -> 'subprocess.Popen[str]':
        return self.product.start(self.name, self.path, env=self.environment)

    def until_it_ends(self, start: Callable[[], 'subprocess.Popen[str]'], code: int) -> int:
        """Kills it at a random instant until it is faster; how often."""
        kills = 0
        while True:
            process = start()
            try:
                output, _ = process.communicate(timeout=self.rng.uniform(0, 0.2) * 1.1 ** kills)
                assert process.returncode == code, f'exit {process.returncode}, not {code}: {output}'
                return kills
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                expire_lease(self.product.server)
                kills += 1

    def log(self, what: str, more: str = '') -> List[str]:
        return self.product.server.superuser_psql(
            f"SELECT {what} FROM sync_metadata.conflict_log c WHERE client_name = '{self.name}' {more}").split('\n')

    def logged_once(self) -> None:
        logged = Counter(self.log('record_id'))
        assert logged == self.expected, f'turn {self.turn}: logged {logged - self.expected} too often, {self.expected - logged} not'

    def verify(self) -> None:
        verified = self.product.run('sync-nodectl', 'verify', self.name, env=self.environment)
        assert verified.code == 0, verified.output


def campaign(product: Product, strategy: str, kills: int, rng: random.Random) -> None:
    bench, killed = Bench(product, strategy, rng), 0
    while killed < kills:
        bench.change()
        killed += bench.until_it_ends(bench.sync, 0)
        bench.logged_once()
    words = bench.log("DISTINCT outcome || ' ' || (resolved_at IS NOT NULL)")
    assert words == [f'{OUTCOMES[strategy]} true'], words
    bench.verify()
    print(f'{strategy}: {killed} kills, {bench.turn} turns, {sum(bench.expected.values())} conflicts, each logged and resolved once', flush=True)


# ---------------------------------------------------------------------------------------------- a person decides

AUDIT = """
CREATE TABLE public.resolutions(conflict_id uuid, outcome text);
CREATE FUNCTION public.note_resolution() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO public.resolutions VALUES(NEW.conflict_id, NEW.outcome); RETURN NULL; END $$;
CREATE TRIGGER note_resolution AFTER UPDATE ON sync_metadata.conflict_log FOR EACH ROW
  WHEN (OLD.resolved_at IS DISTINCT FROM NEW.resolved_at OR OLD.outcome IS DISTINCT FROM NEW.outcome
        OR OLD.resolved_data::text IS DISTINCT FROM NEW.resolved_data::text)
  EXECUTE FUNCTION public.note_resolution()"""


def merged(base: Row, source: Row, target: Row) -> Row:
    """Column by column; where both changed one, the target's, which is newer."""
    a, b, t = (ours if theirs == was else theirs for was, ours, theirs in zip(base, source, target))
    return (str(a), str(b), int(t))


def rows_of(text: str) -> Dict[int, Row]:
    return {int(key): (a, b, int(t)) for key, a, b, t in (line.split('|') for line in text.split('\n'))}


def person(product: Product, kills: int, rng: random.Random) -> None:
    """The policy leaves every conflict to a person, who decides five at a time; syncs and decisions are killed."""
    bench = Bench(product, 'manual', rng)
    product.server.superuser_psql(AUDIT)
    read_copy = f"SELECT concat_ws('|', id, a, b, t) FROM {bench.schema}.item"
    asked: Dict[str, str] = {}  # conflict → outcome
    shipped = copy = rows_of(product.server.superuser_psql(read_copy))
    value = product.directory / 'value.json'
    syncs = decisions = 0
    while decisions < kills or syncs < kills // 4:
        chosen = bench.change()
        base, shipped = shipped, {key: (a, b, t) for key, a, b, t in bench.source.execute('SELECT id, a, b, t FROM item')}
        edited = {key: (copy[key][0], f'target {bench.turn}', bench.turn * 10 + 5) for key in chosen}
        syncs += bench.until_it_ends(bench.sync, 2)
        bench.logged_once()
        copy = {**copy, **edited}
        found = rows_of(product.server.superuser_psql(read_copy))
        assert found == copy, f'turn {bench.turn}: waiting rows did not stay: {found.items() ^ copy.items()}'
        ids = dict(line.split(' ') for line in bench.log("record_id || ' ' || conflict_id", 'AND resolved_at IS NULL'))
        assert sorted(map(int, ids)) == sorted(chosen), f'turn {bench.turn}: {ids} wait, not {chosen}'
        value.write_text(json.dumps({'b': f'person {bench.turn}'}))
        for choice, keys in zip(CHOICES, (chosen[at::4] for at in range(4))):
            for part in ([keys] if choice != 'value' else [[key] for key in keys]):
                arguments = ['conflicts', 'resolve', choice, *(ids[str(key)] for key in part), *(['--file', str(value)] if choice == 'value' else [])]
                decisions += bench.until_it_ends(lambda: subprocess.Popen(
                    [str(BINARIES / 'sync-nodectl'), *arguments], env=bench.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT), 0)
            for key in keys:
                asked[ids[str(key)]] = CHOICES[choice]
                copy[key] = {'source': shipped[key], 'target': edited[key], 'merge': merged(base[key], shipped[key], edited[key]),
                             'value': (edited[key][0], f'person {bench.turn}', edited[key][2])}[choice]
        found = rows_of(product.server.superuser_psql(read_copy))
        assert found == copy, f'turn {bench.turn}: not what was asked for: {found.items() ^ copy.items()}'
    bench.logged_once()
    once = product.server.superuser_psql("SELECT conflict_id || ' ' || outcome FROM public.resolutions").split('\n')
    assert sorted(once) == sorted(f'{conflict} {outcome}' for conflict, outcome in asked.items()), 'not each resolved once, as asked for'
    assert sorted(bench.log("conflict_id || ' ' || outcome", 'AND resolved_at IS NOT NULL')) == sorted(once)
    assert bench.log('count(*)', "AND resolved_by NOT LIKE '%@%'") == ['0'], 'somebody else resolved them'
    ran = product.sync(bench.name, bench.path, env=bench.environment)
    assert ran.code == 0 and rows_of(product.server.superuser_psql(read_copy)) == copy, ran.output  # no sync fights over it
    bench.verify()
    print(f'manual: {syncs} kills of syncs, {decisions} of decisions, {bench.turn} turns, {len(asked)} conflicts, '
          'each logged once, resolved once, as asked for', flush=True)


def main() -> int:
    rng = random.Random(5)
    with Product() as product:
        for strategy in OUTCOMES:
            campaign(product, strategy, -(-KILLS // len(OUTCOMES)), rng)
        person(product, KILLS, rng)
    return 0


if __name__ == '__main__':
    sys.exit(main())
