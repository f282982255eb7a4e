"""
SQLite + Supabase Sync System - The exposition is what Prometheus reads

Checks the text format line by line; where promtool is installed, asks it too.
"""

import os
import re
import shutil
import subprocess
import sys
from typing import List

SAMPLE = re.compile(r'(?P<name>[a-z][a-z0-9_]*)(?:\{(?P<labels>(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,(?!\})|(?=\})))*)\})? (?P<value>[-+0-9.e]+|\+Inf)$')
HISTOGRAM = ('_bucket', '_sum', '_count')


def check(text: str) -> List[str]:
    problems: List[str] = []
    kinds, helped, seen, family = {}, set(), set(), ''
    if not text.endswith('\n'):
        problems.append('does not end with a line feed')
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith('# HELP '):
            _, _, name, words = line.split(' ', 3)
            helped.add(name)
            if not words.endswith('.'):
                problems.append(f'line {number}: help is a sentence: {words}')
        elif line.startswith('# TYPE '):
            _, _, family, kind = line.split(' ')
            if family in kinds:
                problems.append(f'line {number}: {family} comes twice')
            kinds[family] = kind
        else:
            found = SAMPLE.match(line)
            if not found:
                problems.append(f'line {number}: no sample: {line}')
                continue
            name = found['name']
            owner = next((name[:-len(end)] for end in HISTOGRAM if name.endswith(end) and kinds.get(name[:-len(end)]) == 'histogram'), name)
            if owner != family:
                problems.append(f'line {number}: {name} is outside of its family')
            if line.rsplit(' ', 1)[0] in seen:
                problems.append(f'line {number}: the series comes twice')
            seen.add(line.rsplit(' ', 1)[0])
    for name, kind in kinds.items():
        if not name.startswith('sync_') or name not in helped:
            problems.append(f'{name}: has no prefix or no help')
        if (kind == 'counter') != name.endswith('_total'):
            problems.append(f'{name}: a counter, and nothing else, ends with _total')
    if len(kinds) < 15:
        problems.append(f'only {len(kinds)} families')
    return problems


def promtool(text: str) -> List[str]:
    tool = shutil.which('promtool')
    if tool is None:
        return []
    done = subprocess.run([tool, 'check', 'metrics'], input=text, capture_output=True, text=True)
    return [] if done.returncode == 0 and not done.stderr.strip() else [f'promtool: {done.stdout}{done.stderr}']


def main() -> int:
    dump = os.path.join(os.environ['SYNC_NODE_BIN'], 'metrics_dump')
    problems: List[str] = []
    for arguments in ([], ['--fresh']):
        text = subprocess.run([dump, *arguments], capture_output=True, text=True, check=True).stdout
        problems += check(text) + promtool(text)
    if not check('sync_x{a="b",} 1\n# TYPE sync_y counter\n'):
        problems.append('the checks see nothing')
    print('\n'.join(problems) or 'the exposition is well formed')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
