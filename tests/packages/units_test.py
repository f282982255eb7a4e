"""
SQLite + Supabase Sync System - Units And Packages Agree

Without root and without a host: the exposure of the unit, what systemd thinks of the units, that every directive is explained beside
them, that the catalog knows every event of the code, that all packages say the version that CMake says, and that scripts are clean.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / 'units'
MOST_EXPOSED = 15  # tenths
# What these say needs no reason, or stands in the text under the unit's name.
PLAIN = {'Description', 'Documentation', 'After', 'WantedBy', 'ExecStart', 'Restart', 'RestartSec', 'TimeoutStartSec', 'TimeoutStopSec', 'Group',
         'StateDirectoryMode', 'RuntimeDirectoryMode', 'StartLimitIntervalSec', 'StartLimitBurst', 'SystemCallErrorNumber'}


def read(path: str) -> str:
    return (ROOT / path).read_text()


def run(*command: str) -> 'subprocess.CompletedProcess[str]':
    return subprocess.run(command, capture_output=True, text=True)


def exposure() -> List[str]:
    done = run('systemd-analyze', 'security', '--offline=yes', '--no-pager', f'--threshold={MOST_EXPOSED}', str(UNITS / 'sync-node@.service'))
    problems = [] if done.returncode == 0 else ['systemd-analyze security: ' + (done.stdout + done.stderr).strip().splitlines()[-1]]
    text = read('units/sync-node@.service')
    return problems + [f'the unit has {key}=, which says nothing about a PostgreSQL elsewhere'
                       for key in ('IPAddressAllow', 'IPAddressDeny', 'PrivateNetwork') if re.search(rf'^{key}=', text, re.M)]


def verified() -> List[str]:
    """systemd asks whether the programs are there: they are, under other names."""
    with tempfile.TemporaryDirectory() as folder:
        for unit in UNITS.glob('sync-node*.*'):
            if unit.suffix in ('.service', '.target', '.timer'):
                (Path(folder) / unit.name).write_text(re.sub(r'^(Exec\w+=[-+!@:]*)/\S+', r'\1/bin/true', unit.read_text(), flags=re.M))
        done = run('systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', *map(str, sorted(Path(folder).iterdir())))
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return said or ([] if done.returncode == 0 else ['systemd-analyze verify failed'])


def explained() -> List[str]:
    directives = set(re.findall(r'^(\w+)=', read('units/sync-node@.service'), re.M)) - PLAIN
    text = read('units/SANDBOX.md')
    return [f'units/SANDBOX.md does not say why the unit has {name}=' for name in sorted(directives)
            if not re.search(rf'\b{name}(=|…)', text) and not (name.startswith('StartLimit') and 'StartLimit…' in text)]


def hidden_known() -> List[str]:
    """A key in a directory that the unit hides is refused before a node meets it."""
    unit = re.search(r'^InaccessiblePaths=(.*)$', read('units/sync-node@.service'), re.M)
    code = re.search(r'for \(const std::string_view hidden :\s*\{(.*?)\}\)', read('agent/config/settings.cpp'), re.S)
    hides = {word.lstrip('-') + '/' for word in unit.group(1).split()} if unit else set()
    knows = set(re.findall(r'"([^"]+)"', code.group(1))) if code else set()
    return [] if hides and hides == knows else [f'the unit hides {sorted(hides)}, the settings know of {sorted(knows)}']


def catalogued() -> List[str]:
    coded = set(re.findall(r'LogEvent k\w+\{"([0-9a-f]{32})"\}', read('agent/daemon/events.h')))
    coded |= set(re.findall(r'kMessageId\[\] = "([0-9a-f]{32})"', read('agent/docker_ipv6/trace.h')))
    catalog = read('units/sync-node.catalog')
    entries = set(re.findall(r'^-- ([0-9a-f]{32})$', catalog, re.M))
    wide = [line for line in catalog.splitlines() if len(line) > 76 and not line.startswith('#')]
    return ([f'catalog: no entry for {name}' for name in sorted(coded - entries)] +
            [f'catalog: {name} is no event of the code' for name in sorted(entries - coded)] + [f'catalog: wider than 76: {line}' for line in wide])


def one_version() -> List[str]:
    version = re.search(r'^project\(sync-node VERSION ([\d.]+)', read('CMakeLists.txt'), re.M)
    assert version is not None
    said = {'packaging/deb/changelog': re.match(r'sync-node \(([^)]+)\)', read('packaging/deb/changelog')),
            'packaging/rpm/sync-node.spec': re.search(r'^Version:\s+(\S+)', read('packaging/rpm/sync-node.spec'), re.M),
            'packaging/rpm/sync-node.spec, changelog': re.search(r'^\* .* - ([\d.]+)-1$', read('packaging/rpm/sync-node.spec'), re.M)}
    return [f'{where} says {found.group(1) if found else "no version"}, CMakeLists.txt {version.group(1)}'
            for where, found in said.items() if not found or found.group(1) != version.group(1)]


def scripts() -> List[str]:
    # debconf's library is not here to follow, and db_go takes no arguments.
    files = [*(UNITS / 'libexec').iterdir(), ROOT / 'packaging/build.sh', ROOT / 'packaging/deb/tests/smoke',
             *(path for path in (ROOT / 'packaging/deb').glob('sync-node.*') if path.read_text().startswith('#!'))]
    done = run('shellcheck', '-x', '-e', 'SC1091,SC2119', *map(str, files))
    problems = (done.stdout + done.stderr).strip().splitlines()
    for path in (UNITS / 'sudoers').glob('*') if (UNITS / 'sudoers').is_dir() else []:
        checked = run('visudo', '-cf', str(path))
        problems += [] if checked.returncode == 0 else [checked.stdout + checked.stderr]
    return problems + [f'{path.name} is not executable' for path in (UNITS / 'libexec').iterdir() if not path.stat().st_mode & 0o111]


def main() -> int:
    problems = [problem for check in (exposure, verified, explained, hidden_known, catalogued, one_version, scripts) for problem in check()]
    print('\n'.join(problems) or 'units and packages agree')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
