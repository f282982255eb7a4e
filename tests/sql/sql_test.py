"""
SQLite + Supabase Sync System - Tests of sql/

Exit codes: 0 all passed, 1 some failed, 2 no PostgreSQL to test with.
    sql_test.py                   every check, in one world
    sql_test.py NAME …            these checks
    sql_test.py --mutate [TEXT]   every known sabotage, each in a copy of that world, must turn its check red
"""

import importlib
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Callable, Dict, List

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from support.private_postgres import PostgresError  # noqa: E402
from mutations import MUTATIONS  # noqa: E402
from world import World  # noqa: E402

# Without SYNC_NODE_LONG=1, every so many-th sabotage.
SHORT_FORM = 7
MODULES = ('role_checks', 'isolation_checks', 'lease_checks', 'ddl_checks', 'row_checks', 'edit_checks', 'admin_checks', 'state_checks', 'host_checks')


def all_checks() -> Dict[str, Callable[[World], None]]:
    """Every check_… function, by its name without the prefix."""
    found = {}
    for module in map(importlib.import_module, MODULES):
        for name, value in vars(module).items():
            if name.startswith('check_'):
                found[name[len('check_'):]] = value
    return found


def run_checks(names: List[str]) -> int:
    """All of them in one world; the number that failed."""
    checks = all_checks()
    world = World()
    failed = 0
    try:
        for name in names or checks:
            started = time.monotonic()
            try:
                checks[name](world)
                print(f'ok      {name} ({time.monotonic() - started:.2f} s)', flush=True)
            except Exception:  # an answer nobody expected is a failure, whatever it broke
                failed += 1
                print(f'FAILED  {name}\n{traceback.format_exc()}', flush=True)
    finally:
        world.close()
    return failed


def run_mutations(wanted: str) -> int:
    """The number of sabotages (those with this text in their name) that nobody noticed."""
    checks = all_checks()
    unnoticed = 0
    base = World()
    try:
        chosen = [(name, mutation) for name, mutation in MUTATIONS.items() if wanted in name]
        if not wanted and os.environ.get('SYNC_NODE_LONG') != '1':
            chosen = chosen[::SHORT_FORM]
        for number, (name, (check, sabotage, undo)) in enumerate(chosen):
            world = base.branch(number)
            sabotage(world)
            try:
                checks[check](world)
                unnoticed += 1
                print(f'FAILED  {name}: {check} did not notice', flush=True)
            except Exception as error:  # noticed, by an assertion or by an answer that makes no sense
                print(f'ok      {name}: {check}: {type(error).__name__} {str(error)[:300]!r}', flush=True)
            finally:
                undo(world)
                world.leave()
    finally:
        base.close()
    return unnoticed


if __name__ == '__main__':
    try:
        FAILED = run_mutations(''.join(sys.argv[2:])) if sys.argv[1:2] == ['--mutate'] else run_checks(sys.argv[1:])
    except PostgresError as error:
        print(f'no world to test in: {error}', file=sys.stderr)
        sys.exit(2)
    sys.exit(1 if FAILED else 0)
