"""
SQLite + Supabase Sync System - Alert Rules

promtool judges etc/prometheus/sync-node-alerts.yml and plays the cases beside this file; every alert has cases on both sides, is made of
metrics that exist, and says commands that exist.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, Set

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / 'etc/prometheus/sync-node-alerts.yml'
CASES = Path(__file__).parent / 'sync-node-alerts-test.yml'


def promtool() -> str:
    path = os.pathsep.join([os.environ['PATH'], str(ROOT / 'build/tools/usr/bin')])
    found = shutil.which('promtool', path=path)
    if found is None:
        print('there is no promtool; ./dev test fetches it')
        sys.exit(2)
    return found


def judged(*words: str) -> List[str]:
    done = subprocess.run([promtool(), *words], capture_output=True, text=True)
    return [] if done.returncode == 0 else [f'promtool {" ".join(words)}: {done.stdout}{done.stderr}']


def alerts() -> Dict[str, str]:
    return {block.split('\n', 1)[0]: block for block in re.split(r'^      - alert: ', RULES.read_text(), flags=re.M)[1:]}


def both_sides(names: Set[str]) -> List[str]:
    text = CASES.read_text()
    quiet = set(re.findall(r'alertname: (\w+), exp_alerts: \[\]', text))
    loud = set(re.findall(r'alertname: (\w+)\n\s+exp_alerts:\n\s+- exp_labels', text))
    return ([f'{name}: has no case in which it fires' for name in sorted(names - loud)] +
            [f'{name}: has no case in which it does not fire' for name in sorted(names - quiet)])


def real_names(blocks: Dict[str, str]) -> List[str]:
    metrics = set(re.findall(r'"(sync_\w+)"', (ROOT / 'agent/metrics/metrics.cpp').read_text()))
    manual = set(re.findall(r'^\.B sync-nodectl ([a-z0-9-]+(?: [a-z0-9-]+)?)$', (ROOT / 'docs/man/sync-nodectl.1').read_text(), re.M))
    problems = []
    for name, block in blocks.items():
        problems += [f'{name}: there is no metric {metric}' for metric in set(re.findall(r'\bsync_[a-z_]+', block.split('annotations')[0])) - metrics]
        for command in re.findall(r'sync-nodectl ([a-z0-9-]+(?: [a-z0-9-]+)?)', block):
            if command not in manual and command.split()[0] not in manual:
                problems.append(f'{name}: there is no command sync-nodectl {command}')
        if 'summary: ' not in block or 'next: ' not in block or 'severity: ' not in block:
            problems.append(f'{name}: says not what it is, how bad, or what to type next')
    return problems


def mutants(blocks: Dict[str, str]) -> List[str]:
    """The cases tell the rules from rules that never fire."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        rules, cases = Path(folder) / 'rules.yml', Path(folder) / 'cases.yml'
        cases.write_text(CASES.read_text().replace(f'../../{RULES.relative_to(ROOT)}', str(rules)))
        for name, block in blocks.items():
            never = re.sub(r'expr: (.*)', r'expr: (\1) and on () vector(0) == 1', block)
            rules.write_text(RULES.read_text().replace(block, never))
            if not judged('test', 'rules', str(cases)):
                problems.append(f'{name}: its cases pass although it never fires')
    return problems


def main() -> int:
    blocks = alerts()
    problems = judged('check', 'rules', str(RULES)) + judged('test', 'rules', str(CASES)) + both_sides(set(blocks)) + real_names(blocks)
    if len(blocks) < 9:
        problems.append('the alerts could not be read')
    problems += problems or mutants(blocks)
    print('\n'.join(dict.fromkeys(problems)) or f'{len(blocks)} alerts, each seen firing and not firing')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
