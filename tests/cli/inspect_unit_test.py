"""
SQLite + Supabase Sync System - The Unit That Asks Docker

systemd reads both files without a complaint, finds the service well locked in, and nothing enables it by itself. Exit 2 without
systemd-analyze.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.product import BINARIES  # noqa: E402

UNITS = Path(__file__).resolve().parents[2] / 'units'
NAMES = ('sync-node-inspect.service', 'sync-node-inspect.timer')
MOST_EXPOSED = 7  # of 100


def analyze(*words: str) -> 'subprocess.CompletedProcess[str]':
    return subprocess.run(['systemd-analyze', '--no-pager', *words], capture_output=True, text=True, timeout=60)


def complaints() -> List[str]:
    """Of systemd, about copies that run the program that was built."""
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            text = (UNITS / name).read_text().replace('/usr/bin/sync-nodectl', str(BINARIES / 'sync-nodectl'))
            (Path(folder) / name).write_text(text)
        done = analyze('verify', '--man=no', '--recursive-errors=no', *(f'{folder}/{name}' for name in NAMES))
    found = (done.stdout + done.stderr).splitlines()
    return found or ([] if done.returncode == 0 else ['systemd-analyze verify failed'])


def main() -> int:
    if shutil.which('systemd-analyze') is None:
        print('systemd-analyze is not here')
        return 2
    problems = complaints()
    exposure = analyze('security', '--offline=yes', f'--threshold={MOST_EXPOSED}', str(UNITS / NAMES[0]))
    if exposure.returncode != 0:
        problems.append((exposure.stdout + exposure.stderr).strip().splitlines()[-1])
    service = (UNITS / NAMES[0]).read_text()
    if '[Install]' in service:
        problems.append('the service is its timer\'s to start')
    command = re.search(r'^ExecStart=\S+ (.*)$', service, re.M)
    directory = re.search(r'^RuntimeDirectory=(\S+)$', service, re.M)
    asks_first = {'PartOf=docker.service', 'After=docker.service', 'ExecCondition=/bin/systemctl --quiet is-active docker.service'}
    if not asks_first <= set(service.splitlines()):
        problems.append('the service would start a Docker that was stopped')
    if not command or not directory or f'--write /run/{directory.group(1)}/mounts.json' not in command.group(1):
        problems.append('the service does not write where its directory is')
    print('\n'.join(problems) or 'the unit that asks Docker is in order')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
