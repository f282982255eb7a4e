"""
SQLite + Supabase Sync System - Control Groups Of A Booted Host

Where this machine's first process is no systemd, nobody makes nspawn a control group of its own, and two hosts would take each other's
services for theirs. So each gets one below ours; they go when the host is gone.
"""

import os
from pathlib import Path
from typing import List


def groups_of_ours() -> List[Path]:
    """Where this process is in the hierarchies by which systemd follows processes; those of the controllers are left alone."""
    places = dict(line.split(':', 2)[1:] for line in Path('/proc/self/cgroup').read_text().splitlines())
    found = []
    for line in Path('/proc/mounts').read_text().splitlines():
        _, point, kind, options, *_ = line.split()
        name = '' if kind == 'cgroup2' else 'name=systemd'
        if kind in ('cgroup', 'cgroup2') and name in ['', *options.split(',')] and name in places:
            found.append(Path(point + places[name]))
    return found


def make_groups(name: str) -> List[Path]:
    """Empty when systemd sees to it."""
    if Path('/run/systemd/system').is_dir():
        return []
    made = []
    for group in groups_of_ours():
        try:
            (group / name).mkdir()
        except OSError:  # read-only: then there is one host at a time
            continue
        made.append(group / name)
    return made


def enter_groups(groups: List[Path]) -> None:
    """Runs in the child."""
    for group in groups:
        (group / 'cgroup.procs').write_text('0')


def remove_groups(groups: List[Path]) -> None:
    """After their processes; what is not empty yet is left."""
    for top in groups:
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                continue
