"""
SQLite + Supabase Sync System - The Brake

A file replaced by an empty one, with or without its tables: every run is held (exit 2, says so) and deletes nothing, until a
person releases it; a rejected one stays; a small deletion is none of the brake's business.
"""

import json
import os
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fault.scenario import Scenario, require  # noqa: E402
from support.product import Product  # noqa: E402


def replace_by(scenario: Scenario, with_tables: bool) -> None:
    """As a failed restore does it: another inode under the same name."""
    old = sqlite3.connect(scenario.path)
    statements = [row[0] for row in old.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type = 'table'")]
    old.execute('PRAGMA journal_mode = DELETE')
    old.close()
    fresh = sqlite3.connect(scenario.path + '.new')
    for statement in statements if with_tables else ['CREATE TABLE unrelated (a)']:
        fresh.execute(statement)
    fresh.commit()
    fresh.close()
    os.replace(scenario.path + '.new', scenario.path)


def rows(scenario: Scenario) -> int:
    schema = scenario.product.schema(scenario.name)
    return int(scenario.product.psql(f'SELECT (SELECT count(*) FROM {schema}.message) + (SELECT count(*) FROM {schema}.message_reaction)'))


def waiting(product: Product) -> list:
    """Held changes that wait for a decision, as `held list --json` shows them."""
    listed = json.loads(product.must('sync-nodectl', 'held', 'list', '--json').output)
    entries = listed['held'] if isinstance(listed, dict) else listed
    return [entry for entry in entries if entry['status'] == 'waiting']


def held_until_released(product: Product, with_tables: bool) -> None:
    scenario = Scenario(product, f'emptied-{with_tables}'.lower())
    scenario.synced()
    full = rows(scenario)
    replace_by(scenario, with_tables)
    for turn in range(3):
        ran = scenario.sync()
        require(ran.code == 2, f'run {turn}: exit {ran.code}, not 2\n{ran.output}')
        require('held' in ran.output.lower(), f'run {turn}: the message does not say what is held\n{ran.output}')
        require(rows(scenario) == full, f'run {turn}: rows are gone')
    full_again = scenario.sync(None, None, '--full')
    require(full_again.code == 2 and rows(scenario) == full, f'--full went past the brake: exit {full_again.code}')
    held = waiting(product)
    require(len(held) >= 2, f'held list shows {held}')
    product.must('sync-nodectl', 'held', 'release', scenario.name, '--yes')
    ran = scenario.sync()
    require(ran.code == 0, f'after the release: exit {ran.code}\n{ran.output}')
    report = product.oracle(scenario.name, scenario.path)
    require(not report.problems, '\n'.join(report.problems[:10]))
    if with_tables:
        require(rows(scenario) == 0, 'released, but rows are still there')
        require(sum(scenario.archive().values()) >= full, 'released rows are not in the archive')


def small_deletions_pass(product: Product) -> None:
    scenario = Scenario(product, 'small')
    scenario.synced()
    database = sqlite3.connect(scenario.path)
    database.execute('DELETE FROM message WHERE rowid % 3 = 0')
    database.commit()
    database.close()
    scenario.synced()
    scenario.check()


def main() -> int:
    with Product() as product:
        held_until_released(product, True)
        held_until_released(product, False)
        small_deletions_pass(product)
    print('held on every run, nothing deleted until released')
    return 0


if __name__ == '__main__':
    sys.exit(main())
