"""
SQLite + Supabase Sync System - A Host Of Its Own For docker-ipv6

The program has no option that names a file, so the test gives it a host: its own mounts (with /etc, /usr, /var and /run that nobody
else sees), network and processes. systemctl and dockerd are stand-ins there, unless a test brings a real dockerd. Needs root.
"""

import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

BINARIES = Path(os.environ.get('SYNC_NODE_BIN', Path(__file__).resolve().parents[2] / 'build/bin'))
SOURCE = Path(__file__).resolve().parents[2]
HELPER = '/usr/libexec/sync-node/docker-ipv6'
DAEMON = Path('/etc/docker/daemon.json')
RECORD = Path('/etc/docker/daemon.json.sync-node.json')
BACKUP = Path('/etc/docker/daemon.json.sync-node.bak')
STATE = Path('/run/stand-in')
CIDR = 'fd12:3456:789a::/64'
INSIDE = 'SYNC_NODE_PRIVATE_HOST'
SECONDS = 240

DOCKERD = f"""#!/bin/sh
echo "dockerd $*" >>{STATE}/log
case $1 in
  --version) echo "Docker version $(cat {STATE}/version), build 0" ;;
  --validate) exec {STATE}/validate "$@" ;;
esac
"""
SYSTEMCTL = f"""#!/bin/sh
echo "systemctl $*" >>{STATE}/log
case $1 in
  show) cat {STATE}/show ;;
  *) exec {STATE}/$1 ;;
esac
"""


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def go_inside() -> None:
    """Runs this very script again in namespaces of its own, and ends with its exit code."""
    if INSIDE in os.environ:
        return
    inside = ['env', f'{INSIDE}=1', 'unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc',
              sys.executable, '-B', *sys.argv]
    sudo = [] if os.geteuid() == 0 else ['sudo', '--non-interactive', '--preserve-env=SYNC_NODE_BIN']
    sys.exit(subprocess.run([*sudo, *inside]).returncode)


def run(*words: str, user: Optional[int] = None, groups: Optional[List[int]] = None, stdin: Optional[int] = subprocess.DEVNULL) -> Ran:
    who: Dict[str, Any] = {} if user is None else {'user': user, 'group': user, 'extra_groups': groups or []}
    done = subprocess.run(words, stdin=stdin, capture_output=True, text=True, errors='replace', timeout=SECONDS, cwd='/', **who)
    return Ran(done.returncode, done.stdout, done.stderr)


def must(*words: str) -> str:
    done = run(*words)
    if done.code != 0:
        raise RuntimeError(f'{" ".join(words)}: exit {done.code}\n{done.out}{done.err}')
    return done.out


class PrivateHost:
    """Made once, in the process that go_inside() started; gone with it."""

    def __init__(self, tools: Optional[Path] = None) -> None:
        must('mount', '--make-rprivate', '/')
        must('ip', 'link', 'set', 'lo', 'up')
        program = Path(tempfile.mkdtemp()) / 'docker-ipv6'  # before /run hides where it may lie
        shutil.copy2(BINARIES / 'docker-ipv6', program)
        must('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run')
        for folder in ('etc', 'usr', 'var'):
            upper, work = Path(f'/run/over/{folder}'), Path(f'/run/work/{folder}')
            upper.mkdir(parents=True)
            work.mkdir(parents=True)
            lower = f'{tools}/usr:/usr' if tools and folder == 'usr' else f'/{folder}'
            must('mount', '-t', 'overlay', '-o', f'lowerdir={lower},upperdir={upper},workdir={work}', 'overlay', f'/{folder}')
        Path(HELPER).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(program, HELPER)
        shutil.rmtree(program.parent)
        STATE.mkdir()
        self.install('/usr/bin/systemctl', SYSTEMCTL)
        self.install(STATE / 'validate', '#!/bin/sh\nexit 0\n')
        for verb in ('restart', 'reset-failed'):
            self.install(STATE / verb, '#!/bin/sh\nexit 0\n')
        self.docker('20.10.24')
        self.unit()
        self.fresh()

    @staticmethod
    def install(path: Any, text: str) -> None:
        Path(path).write_text(text)
        Path(path).chmod(0o755)

    def docker(self, version: str) -> None:
        """A stand-in for dockerd that says it is this version."""
        self.install('/usr/sbin/dockerd', DOCKERD)
        (STATE / 'version').write_text(version)

    def unit(self, flags: str = '-H fd://', pid: int = 0, state: str = 'loaded', active: str = 'active') -> None:
        (STATE / 'show').write_text(f'LoadState={state}\nActiveState={active}\nMainPID={pid}\n'
                                    f'ExecStart={{ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd {flags} ; ignore_errors=no ; pid=0 }}\n')

    def running(self, flags: str = '-H fd://') -> 'subprocess.Popen[bytes]':
        """A process that looks like a running dockerd, and the unit that has it."""
        process = subprocess.Popen(['/usr/sbin/dockerd', 'infinity'], executable='/usr/bin/sleep')
        self.unit(flags, pid=process.pid)
        return process

    def fresh(self, text: Optional[str] = None) -> None:
        """/etc/docker with this daemon.json and nothing else."""
        shutil.rmtree(DAEMON.parent, ignore_errors=True)
        if text is not None:
            DAEMON.parent.mkdir(mode=0o755)
            DAEMON.write_bytes(text.encode())
        (STATE / 'log').write_text('')

    def log(self) -> List[str]:
        return (STATE / 'log').read_text().splitlines()

    def helper(self, *words: str, **how: Any) -> Ran:
        return run(HELPER, *words, **how)


def document(ran: Ran) -> Dict[str, Any]:
    return dict(json.loads(ran.out))


class Journal:
    """Takes what is sent to the journal's socket, at once: its queue is short, and who sends waits for room."""

    def __init__(self) -> None:
        path = Path('/run/systemd/journal/socket')
        path.parent.mkdir(parents=True, exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.messages: 'queue.Queue[bytes]' = queue.Queue()
        threading.Thread(target=self.take, daemon=True).start()

    def take(self) -> None:
        while True:
            self.messages.put(self.socket.recv(65536))

    def message(self) -> Dict[str, str]:
        lines = self.messages.get(timeout=10).decode().splitlines()
        return {line.partition('=')[0]: line.partition('=')[2] for line in lines}

    def drop_all(self) -> None:
        """What was sent before this, after it has come: the socket keeps the order."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b'END=', '/run/systemd/journal/socket')
        while 'END' not in self.message():
            pass

    def is_empty(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b'END=', '/run/systemd/journal/socket')
        return 'END' in self.message()
