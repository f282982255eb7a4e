"""
SQLite + Supabase Sync System - Source Rules

House rules a reader relies on: files of at most 400 lines, headers that say what they are, no skipped tests, no sleeping,
no SQL in C++ that belongs in sql/queries, no words that mean nothing (Manager, Helper, Util), no leftovers.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Callable, List, Tuple

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
# Pacing a workload, or hitting a random instant, is what these are for; they wait for nothing by sleeping.
MAY_SLEEP = {'tests/support/openwebui_sample.py', 'tests/support/nodes.py', 'tests/harm/writers.py', 'tests/harm/torn_test.py'}
THIS = 'tests/architecture/source_rules_test.py'


def tracked() -> List[str]:
    listed = subprocess.run(['git', '-C', str(ROOT), 'ls-files', '--cached', '--others', '--exclude-standard'],
                            capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    return [str(path.relative_to(ROOT)) for folder in ('agent', 'tests', 'sql', 'docs') for path in (ROOT / folder).rglob('*')
            if path.is_file() and '__pycache__' not in path.parts]


def is_code(name: str) -> bool:
    return name == 'dev' or Path(name).suffix in ('.h', '.cpp', '.py', '.sh', '.sql', '.cmake')


def size(name: str, text: str) -> List[str]:
    lines = text.count('\n')
    return [f'{lines} lines, more than {MAX_LINES}'] if is_code(name) and lines > MAX_LINES else []


def header_opens_with_words(name: str, text: str) -> List[str]:
    if not name.endswith('.h'):
        return []
    return [] if text.startswith('// ') and '#pragma once' in text[:1200] else ['a header opens with what it is, then #pragma once']


def patterns(name: str, text: str) -> List[str]:
    cpp, test = name.endswith(('.h', '.cpp')), name.startswith('tests/')
    rules: List[Tuple[bool, str, str]] = [
        (test, r'GTEST_SKIP|DISABLED_|skipTest|pytest\.skip|unittest\.skip', 'a test never skips'),
        (cpp, r'sleep_for|sleep_until|\bu?sleep\(|nanosleep', 'nothing sleeps; wait for the event with a deadline'),
        (name.endswith('.py') and name not in MAY_SLEEP, r'\btime\.sleep\(', 'nothing sleeps; wait for the event with a deadline'),
        (is_code(name), r'\b(TODO|FIXME|XXX|HACK)\b', 'no leftovers'),
        (cpp, r'\b(class|struct)\s+\w*(Manager|Helper|Util|Utils)\b', 'a name that says nothing'),
        (cpp and name.startswith('agent/') and not name.startswith('agent/sqlite/') and not name.startswith('agent/memory/'),
         r'"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|ALTER TABLE|DROP TABLE)\s', 'SQL belongs in sql/queries/'),
    ]
    problems = []
    for applies, pattern, why in rules:
        if applies:
            for number, line in enumerate(text.splitlines(), 1):
                if re.search(pattern, line):
                    problems.append(f'line {number}: {why}: {line.strip()[:80]}')
    return problems


def main() -> int:
    rules: List[Callable[[str, str], List[str]]] = [size, header_opens_with_words, patterns]
    names = [name for name in tracked() if name != THIS and (is_code(name) or name.endswith('CMakeLists.txt'))]
    if len(names) < 20:
        print('found almost no files: run from a complete tree')
        return 1
    problems = [f'{name}: {problem}' for name in names for rule in rules
                for problem in rule(name, (ROOT / name).read_text(encoding='utf-8', errors='replace'))]
    print('\n'.join(problems) or f'{len(names)} files keep the house rules')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
