"""
SQLite + Supabase Sync System - The Root Of A Throw-Away Host

A Debian root with systemd, polkit, PostgreSQL and Docker, of the release of this machine, made once by mmdebstrap and kept in
~/.cache/sync-node-host (SYNC_NODE_HOST_CACHE); nobody writes to it. Its PostgreSQL listens at 192.0.2.10, which no loopback rule covers.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import List, Sequence

ADDRESS = '192.0.2.10'
PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'polkitd', 'sudo', 'iproute2', 'postgresql', 'curl', 'rpm', 'debconf', 'procps', 'python3-minimal', 'dnf',
            'createrepo-c', 'docker.io', 'iptables', 'sqlite3']
# One root serves every host; those that want Docker start it.
ASLEEP = ('docker.service', 'docker.socket', 'containerd.service')
UNUSED_SECONDS = 14 * 86400

# The address is there before PostgreSQL starts, after every boot.
ADDRESS_UNIT = f"""[Unit]
Description=An address that is not loopback
DefaultDependencies=no
Before=network-pre.target
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/ip link set lo up
ExecStart=/sbin/ip address add {ADDRESS}/32 dev lo

[Install]
WantedBy=sysinit.target
"""


def cache() -> Path:
    return Path(os.environ.get('SYNC_NODE_HOST_CACHE', Path.home() / '.cache/sync-node-host'))


def release() -> str:
    found = re.search(r'^VERSION_CODENAME=(\w+)', Path('/etc/os-release').read_text(), re.M)
    if not found:
        raise RuntimeError('/etc/os-release does not say which Debian this is')
    return found.group(1)


def sources() -> List[str]:
    """Where this machine has its Debian from; mmdebstrap's default where that is not plain."""
    named = [Path('/etc/apt/sources.list.d/debian.sources'), Path('/etc/apt/sources.list')]
    return [str(path) for path in named if path.is_file() and 'debian' in path.read_text()][:1]


def dependencies(package: Path) -> List[str]:
    """What a .deb depends on, so that it installs where there is no mirror; of alternatives the first."""
    listed = subprocess.run(['dpkg-deb', '-f', str(package), 'Depends'], check=True, capture_output=True, text=True).stdout
    names = [re.split(r'[ (|:]', entry.strip())[0] for entry in listed.split(',')]
    return [name for name in names if name]


def made_root(packages: Sequence[str]) -> Path:
    """The root with these packages beside PACKAGES; makes it when it is not there (a minute or two)."""
    wanted = sorted({*PACKAGES, *packages})
    recipe = '\n'.join([release(), *wanted, ADDRESS_UNIT, *ASLEEP])
    root = cache() / f'{release()}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}'
    root.parent.mkdir(parents=True, exist_ok=True)
    with open(root.parent / 'lock', 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for draft in root.parent.glob('draft.*'):  # of one who was killed: whoever makes one holds the lock
            remove_draft(draft)
        if not root.exists():
            make(root, wanted)
            forget_unused(root.parent)
        os.utime(root)
    return root


def forget_unused(folder: Path) -> None:
    """Recipes change; a root that nobody booted for a fortnight is not worth its space."""
    for root in folder.glob(f'{release()}-*'):
        if root.stat().st_mtime < time.time() - UNUSED_SECONDS:
            shutil.rmtree(root, ignore_errors=True)


def make(root: Path, packages: Sequence[str]) -> None:
    print(f'making a Debian root with {len(packages)} packages in {root}', flush=True)
    draft = Path(tempfile.mkdtemp(prefix='draft.', dir=root.parent))
    try:
        log = draft / 'log'
        with open(log, 'w', encoding='utf-8') as output:
            done = subprocess.run(['mmdebstrap', '--variant=apt', '--mode=root', '--aptopt=Acquire::Languages "none"',
                                   f'--include={",".join(packages)}', release(), str(draft / 'root'), *sources()],
                                  stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        if done.returncode != 0:
            raise RuntimeError('mmdebstrap failed:\n' + log.read_text()[-3000:])
        settle(draft / 'root')
        (draft / 'root').rename(root)
    finally:
        remove_draft(draft)


def remove_draft(draft: Path) -> None:
    """Where mmdebstrap was killed, this machine's /dev and /proc may be mounted in there: what is mounted is not removed."""
    def mounted() -> List[str]:
        points = [line.split()[1] for line in Path('/proc/self/mounts').read_text().splitlines()]
        return [point for point in points if point.startswith(f'{draft.resolve()}/')]

    for point in reversed(mounted()):
        subprocess.run(['umount', '--lazy', point], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not mounted():
        shutil.rmtree(draft, ignore_errors=True)


def settle(root: Path) -> None:
    """What a host has before anything of ours is on it."""
    (root / 'etc/systemd/system/test-address.service').write_text(ADDRESS_UNIT)
    (root / 'etc/systemd/system/sysinit.target.wants').mkdir(exist_ok=True)
    (root / 'etc/systemd/system/sysinit.target.wants/test-address.service').symlink_to('../test-address.service')
    cluster = next((root / 'etc/postgresql').glob('*/main'))
    (cluster / 'conf.d/test.conf').write_text("listen_addresses = '*'\nfsync = off\nmax_connections = 60\n")
    with open(cluster / 'pg_hba.conf', 'a', encoding='utf-8') as rules:
        rules.write(f'host all all {ADDRESS}/24 scram-sha-256\n')
    subprocess.run(['chroot', str(root), 'useradd', '--create-home', 'visitor'], check=True)
    subprocess.run(['systemctl', '--quiet', f'--root={root}', 'disable', *ASLEEP], check=True)
    (root / 'etc/hostname').write_text('sync-node-test\n')
    # What a mirror would be asked about is there; nothing else can be reached.
    (root / 'etc/resolv.conf').unlink(missing_ok=True)
    shutil.rmtree(root / 'var/lib/apt/lists', ignore_errors=True)
