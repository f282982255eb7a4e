"""
SQLite + Supabase Sync System - docker-ipv6 Killed At Every Step

SIGKILL before each system call by which enable and disable change something: daemon.json is the old file or the new one, whole, and the next run goes
on from there and leaves nothing behind.
"""

import os
import re
import sys
from pathlib import Path
from typing import List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from docker_ipv6.private_host import BACKUP, CIDR, DAEMON, HELPER, RECORD, PrivateHost, go_inside, run  # noqa: E402

# What changes something, or could: between two of these the disk stays as it is.
CALLS = 'openat,write,fsync,fchown,fchmod,renameat,renameat2,unlinkat,mkdir,flock,fsetxattr,sendmsg,exit_group'
OLD = '{\n  "log-driver": "journald"\n}\n'
ENABLE, DISABLE = ['enable', '--cidr', CIDR], ['disable']


def names() -> List[str]:
    return sorted(os.listdir(DAEMON.parent)) if DAEMON.parent.exists() else []


def content() -> Optional[str]:
    return DAEMON.read_text() if DAEMON.exists() else None


def steps(words: List[str]) -> List[str]:
    """The calls of one whole run."""
    ran = run('strace', '-o', '/run/trace', '-e', f'trace={CALLS}', HELPER, *words)
    assert ran.code == 0, ran
    return [line for line in Path('/run/trace').read_text().splitlines() if re.match(r'\w+\(', line)]


def killed(words: List[str], calls: List[str], number: int) -> None:
    """Before the call of this number; strace counts the calls of each name by themselves."""
    names_before = [call.partition('(')[0] for call in calls[:number]]
    name = names_before[-1]
    inject = f'inject={name}:signal=KILL:when={names_before.count(name)}'
    ran = run('strace', '-o', '/run/trace', '-e', f'trace={CALLS}', '-e', inject, HELPER, *words)
    assert 'killed by SIGKILL' in Path('/run/trace').read_text(), f'{words}, killed at {calls[number - 1]}: was not: {ran}'


def must_run(words: List[str]) -> None:
    ran = run(HELPER, *words)
    assert ran.code == 0, f'{words}: {ran}'


def reset(host: PrivateHost, old: Optional[str], enabled: bool) -> None:
    host.fresh(old)
    if enabled:
        must_run(ENABLE)


def campaign(host: PrivateHost, old: Optional[str], enabled: bool) -> None:
    """Of enable, or of disable after it."""
    words = DISABLE if enabled else ENABLE
    reset(host, old, enabled)
    before = content()
    calls = steps(words)
    after = content()
    assert before != after and ('ipv6' in str(before)) == enabled and ('ipv6' in str(after)) != enabled
    # What comes before the lock loads libraries.
    first = next(number for number, call in enumerate(calls) if 'flock' in call)
    seen = set()
    for number in range(first + 1, len(calls) + 1):
        reset(host, old, enabled)
        killed(words, calls, number)
        found = content()
        where = f'{words[0]}, killed at {calls[number - 1][:90]}'
        assert found in (before, after), f'{where}: {found!r}'
        assert found == before or enabled or RECORD.exists(), f'{where}: our keys, and nobody knows'
        assert not (not enabled and old is not None and found == after) or BACKUP.read_text() == old, where
        seen.add(found == after)
        must_run(ENABLE)
        assert content() == (before if enabled else after), f'{where}: the next enable'
        must_run(DISABLE)
        assert content() == old, f'{where}: disable after it: {content()!r}'
        assert names() == ([] if old is None else ['daemon.json']), f'{where}: left behind: {names()}'
    assert seen == {True, False}, 'every kill came on one side of the change'
    print(f'{words[0]} of {"no file" if old is None else "a file"}: {len(calls) - first} kills', flush=True)


def main() -> int:
    host = PrivateHost()
    for old in (OLD, None):
        for enabled in (False, True):
            campaign(host, old, enabled)
    return 0


if __name__ == '__main__':
    go_inside()
    sys.exit(main())
