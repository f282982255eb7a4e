"""
SQLite + Supabase Sync System - A Booted Host

A throw-away host: a layer over the kept root (host_root.py), booted by systemd-nspawn with a network of its own that leads nowhere. Mounts
and processes live in namespaces of nspawn's and end with the test; a directory that a killed test left goes when the next host is made.
Readiness comes from nspawn itself. Needs root.
"""

import contextlib
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import List, NamedTuple, Optional, Sequence, Type

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.host_cgroups import enter_groups, groups_of_ours, make_groups, remove_groups  # noqa: E402
from support.host_root import made_root  # noqa: E402
from support.private_postgres import die_with_parent  # noqa: E402

COMMAND_SECONDS = 120
BOOT_SECONDS = 90
END_SECONDS = 30
PREFIX = 'sync-node-host.'  # then the process id of its owner
NUMBERS = itertools.count(1)
ENVIRONMENT = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LANG': 'C.UTF-8', 'HOME': '/root', 'DEBIAN_FRONTEND': 'noninteractive',
               'TERM': os.environ.get('TERM', 'dumb')}

# Where overlays cannot be stacked, the layer is a copy. 133 is nspawn's way to say that the host wants to be booted again.
BOOT = """set -e
if ! mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root" 2>/dev/null; then
  cp -a --reflink=auto "$1/." "$2/root"; cp -a "$2/upper/." "$2/root"
fi
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
directory=$2; shift 2
again=133
while [ $again = 133 ]; do
  systemd-nspawn --quiet --register=no --private-network --notify-ready=yes \
    --directory="$directory/root" "$@" --boot && again=0 || again=$?
done
exit $again
"""

CABLE = '192.0.2.{}'
DOCKER_ARGUMENTS = ('--capability=all', '--tmpfs=/var/lib/docker')
# Containers need cgroups of their own, which nspawn shows read-only.
WRITABLE_CGROUPS = """awk '$3 ~ /^cgroup/ {print $2}' /proc/mounts | while read -r mount; do mount -o remount,rw,bind "$mount"; done"""


class Ran(NamedTuple):
    """A finished command."""

    code: int
    output: str


def children(pid: int) -> List[int]:
    listed = Path(f'/proc/{pid}/task/{pid}/children')
    return [int(word) for word in listed.read_text().split()] if listed.exists() else []


def first_process(above: int) -> int:
    """Below `above`: the one that is process 1 of a namespace two below ours; 0 when there is none."""
    waiting = [above]
    while waiting:
        pid = waiting.pop()
        waiting += children(pid)
        try:
            numbers = next(line for line in Path(f'/proc/{pid}/status').read_text().splitlines() if line.startswith('NSpid:')).split()[1:]
        except (OSError, StopIteration):
            continue
        if len(numbers) == 3 and numbers[-1] == '1':
            return pid
    return 0


def stale(folder: Path) -> List[Path]:
    """Directories in there of hosts whose owner is gone."""
    named = [(path, re.fullmatch(re.escape(PREFIX) + r'(\d+)\.\w+', path.name)) for path in folder.glob(PREFIX + '*')]
    return [path for path, found in named if found and not Path('/proc', found.group(1)).exists()]


def sweep(folder: Path) -> None:
    """What tests that were killed could not remove. Their processes and mounts ended with them."""
    remove_groups([group for top in groups_of_ours() for group in stale(top)])
    for path in stale(folder):
        shutil.rmtree(path, ignore_errors=True)


class BootedHost:
    """Booted by the constructor, gone with stop() or at the end of a `with` block. `clients` is its /srv/clients, seen from here. One thread."""

    def __init__(self, packages: Sequence[str] = (), docker: bool = False) -> None:
        """With a real Docker engine where `docker` says so; its images and volumes do not outlive a reboot."""
        self.docker = docker
        self.lower = made_root(packages)
        self.machine = f'sync-node-{os.getpid()}-{next(NUMBERS)}'
        sweep(Path(tempfile.gettempdir()))
        self.directory = Path(tempfile.mkdtemp(prefix=f'{PREFIX}{os.getpid()}.'))
        self.clients = self.directory / 'clients'
        for name in ('upper', 'work', 'root', 'clients'):
            (self.directory / name).mkdir()
        for name in ('.', 'clients', 'upper', 'root'):
            os.chmod(self.directory / name, 0o755)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(self.directory / 'notify'))
        self.groups = make_groups(self.directory.name)
        self.leader = 0
        self.nspawn: Optional['subprocess.Popen[bytes]'] = None
        try:
            self._boot()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> 'BootedHost':
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        try:
            if error is not None and self.leader:
                print(self.run('journalctl', '--no-pager', '-n', '60', '-o', 'short-monotonic').output)
        finally:
            self.stop()

    # --- what tests use -------------------------------------------------------------------------------
    def run(self, *command: str, user: str = '', give: Optional[str] = None, seconds: float = COMMAND_SECONDS) -> Ran:
        """A command on the host, as root or as `user`; `give` is its standard input."""
        done = subprocess.run(self.command(*command, user=user), input=give, capture_output=True, text=True, errors='replace',
                              env=ENVIRONMENT, timeout=seconds, stdin=subprocess.DEVNULL if give is None else None)
        return Ran(done.returncode, done.stdout + done.stderr)

    def must(self, *command: str, user: str = '', give: Optional[str] = None, seconds: float = COMMAND_SECONDS) -> str:
        ran = self.run(*command, user=user, give=give, seconds=seconds)
        if ran.code != 0:
            raise RuntimeError(f'{" ".join(command)}: exit {ran.code}\n{ran.output}')
        return ran.output.rstrip('\n')

    def command(self, *command: str, user: str = '') -> List[str]:
        become = ['runuser', '-u', user, '--'] if user else []
        return ['nsenter', '--target', str(self.leader), '--all', *become, *command]

    def path(self, inside: str) -> Path:
        """A file of the host, seen from here, while it runs."""
        return Path(f'/proc/{self.leader}/root') / inside.lstrip('/')

    def write(self, inside: str, text: str, mode: int = 0o644) -> None:
        path = self.path(inside)
        path.touch(mode=mode)
        path.chmod(mode)
        path.write_text(text)

    def give(self, file: Path) -> str:
        """Copies a file of this machine to the host; its name there."""
        inside = f'/root/{file.name}'
        shutil.copyfile(file, self.path(inside))
        return inside

    def reboot(self) -> None:
        """Returns when everything is up again."""
        self.run('systemctl', 'reboot')
        self._wait_for_boot(self.leader)

    def stop(self) -> None:
        nspawn, self.nspawn = self.nspawn, None
        try:
            if nspawn is not None and nspawn.poll() is None:
                # unshare's child is the first of its process namespace: with it everything in there ends.
                for child in children(nspawn.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
                nspawn.wait(timeout=END_SECONDS)
        finally:
            remove_groups(self.groups)
            self.notify.close()
            shutil.rmtree(self.directory, ignore_errors=True)

    # --- how it comes up ------------------------------------------------------------------------------
    def _boot(self) -> None:
        def prepare() -> None:
            die_with_parent()
            enter_groups(self.groups)

        keep = [] if Path('/run/systemd/system').is_dir() else ['--keep-unit']
        with open(self.directory / 'console', 'wb') as console:
            self.nspawn = subprocess.Popen(
                ['unshare', '--mount', '--propagation', 'private', '--pid', '--mount-proc', '--fork', '--kill-child',
                 'sh', '-c', BOOT, 'boot', str(self.lower), str(self.directory), *keep,
                 f'--machine={self.machine}', f'--bind={self.clients}:/srv/clients', *(DOCKER_ARGUMENTS if self.docker else ())],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, preexec_fn=prepare, start_new_session=True,
                env={**os.environ, 'NOTIFY_SOCKET': str(self.directory / 'notify'), **({'SYSTEMD_SECCOMP': '0'} if self.docker else {})})
        self._wait_for_boot(0)

    def _wait_for_boot(self, before: int) -> None:
        """nspawn passes on what the host's first process says when it is done starting everything."""
        assert self.nspawn is not None
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline and self.nspawn.poll() is None:
            self.notify.settimeout(1)
            try:
                said = self.notify.recv(4096).decode(errors='replace').splitlines()
            except socket.timeout:
                continue
            leader = first_process(self.nspawn.pid)
            if 'READY=1' in said and leader not in (0, before):
                self.leader = leader
                if self.docker:
                    self.must('sh', '-c', WRITABLE_CGROUPS)
                    self.must('systemctl', 'restart', 'docker')
                return
        raise RuntimeError(f'the host did not come up in {BOOT_SECONDS} s:\n' + (self.directory / 'console').read_text(errors='replace')[-3000:])


def join(hosts: Sequence[BootedHost]) -> List[str]:
    """A cable between two hosts, until one of them boots again; their addresses at it, first the first's."""
    first, second = hosts
    subprocess.run(['ip', 'link', 'add', 'name', 'cable', 'netns', str(first.leader), 'type', 'veth',
                    'peer', 'name', 'cable', 'netns', str(second.leader)], check=True)
    addresses = [CABLE.format(101 + number) for number in range(2)]
    for host, address in zip(hosts, addresses):
        host.must('ip', 'address', 'add', f'{address}/24', 'dev', 'cable')
        host.must('ip', 'link', 'set', 'cable', 'up')
    return addresses
