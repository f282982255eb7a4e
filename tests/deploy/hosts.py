"""
SQLite + Supabase Sync System - Hosts To Deploy

Hosts as deploy finds them: a root directory with a machine-id, and what answers for systemctl. The tests play systemd: a
systemctl that hands its words to them, and real sync-node processes, with the very files that deploy wrote, for the units.
"""

import json
import os
import pty
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.nodes import Node, PrivateBus  # noqa: E402
from support.private_postgres import PrivatePostgres, die_with_parent, run_psql, server_binaries  # noqa: E402
from support.product import BINARIES, Product, Ran  # noqa: E402

SECONDS = 200

# The words go to the test, its answer comes back.
SYSTEMCTL = """#!/usr/bin/python3
import json, socket, sys
with socket.socket(socket.AF_UNIX) as test:
    test.connect({path!r})
    test.sendall(json.dumps(sys.argv[1:]).encode() + b'\\n')
    answer = json.loads(test.makefile().readline())
print(answer['output'], end='')
sys.exit(answer['code'])
"""


class Systemd:
    """Two units. `calls` holds what was asked for; `refuse` may answer in its place."""

    def __init__(self, host: 'Host') -> None:
        self.host = host
        self.enabled: set = set()
        self.nodes: Dict[str, Node] = {}
        self.calls: List[str] = []
        self.refuse: Callable[[List[str]], Optional[str]] = lambda words: None
        self.listener = socket.socket(socket.AF_UNIX)
        path = str(host.programs / 'socket')
        self.listener.bind(path)
        self.listener.listen()
        program = host.programs / 'systemctl'
        program.write_text(SYSTEMCTL.format(path=path))
        program.chmod(0o755)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                caller, _ = self.listener.accept()
            except OSError:
                return
            words = json.loads(caller.makefile().readline())
            try:
                code, output = self.answer([word for word in words if word not in ('--quiet', '--now')])
            except Exception as error:  # the test reads it in deploy's own message
                code, output = 1, f'{type(error).__name__}: {error}\n'
            try:
                caller.sendall(json.dumps({'code': code, 'output': output}).encode() + b'\n')
            except OSError:
                pass  # whoever asked was killed meanwhile
            caller.close()

    def answer(self, words: List[str]) -> Tuple[int, str]:
        verb, letters = words[0], [word[len('sync-node@')] for word in words[1:]]
        if verb == 'is-enabled':
            return (0 if letters[0] in self.enabled else 1), ''
        if verb == 'is-active':
            return (0 if letters[0] in self.nodes else 3), ''
        self.calls.append(' '.join([verb, *letters]))
        refusal = self.refuse(words)
        if refusal is not None:
            return 1, refusal
        if verb == 'enable':
            self.enabled |= set(letters)
        if verb in ('restart', 'disable'):
            for letter in letters:
                self.stop(letter)
        if verb in ('start', 'restart'):
            for letter in letters:
                self.nodes[letter] = self.host.node(letter).start()
        if verb == 'disable':
            self.enabled -= set(letters)
        return 0, ''

    def stop(self, letter: str) -> None:
        node = self.nodes.pop(letter, None)
        if node is not None:
            try:
                node.stop()
            finally:
                node.clean()

    def close(self) -> None:
        self.listener.close()
        for node in list(self.nodes.values()):
            node.clean()


class Host:
    """One machine: its root, its machine-id, its systemd, its state directory."""

    hand_over = staticmethod(Product.hand_over)

    def __init__(self, server: PrivatePostgres, bus: Optional[PrivateBus] = None) -> None:
        self.server, self.bus = server, bus
        self.directory = Path(tempfile.mkdtemp(prefix='sync-node-host.'))
        self.directory.chmod(0o755)
        self.root, self.programs, self.state = (self.directory / name for name in ('root', 'programs', 'state'))
        for folder in (self.root / 'etc', self.programs, self.state):
            folder.mkdir(parents=True)
        self.hand_over(self.state)
        self.etc = self.root / 'etc/sync-node'
        self.new_machine()
        self.admin = self.secret('admin-url', server.admin_url())
        self.systemd = Systemd(self)

    def new_machine(self) -> None:
        (self.root / 'etc/machine-id').write_text(secrets.token_hex(16) + '\n')

    def close(self) -> None:
        self.systemd.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def secret(self, name: str, text: str) -> str:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(text + '\n')
        return str(path)

    # --- as deploy and the nodes see it -----------------------------------------------------------------
    def environment(self) -> Dict[str, str]:
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith('SYNC_NODE_') and key not in ('DATABASE_URL', 'SUPABASE_URL', 'CLUSTER_NAME', 'HOST_NAME')}
        return {**kept, 'BUS_ADDRESS': self.bus.address if self.bus else 'none', 'STATE_DIRECTORY': str(self.state)}

    def node(self, letter: str) -> Node:
        """A node that reads what deploy wrote, but for the port."""
        node = Node(self, letter, self.bus)  # type: ignore[arg-type]
        node.settings['LOG_FORMAT'] = 'text'
        node.arguments = ['--env-file', str(self.etc / '.env'), '--env-file', str(self.etc / f'node-{letter}.env')]
        return node

    def words(self, *words: str) -> List[str]:
        """The command line of a deploy on this host."""
        return [str(BINARIES / 'sync-nodectl'), 'deploy', '--root', str(self.root), '--programs', str(self.programs), *words]

    def run(self, words: List[str], stdin: str = '') -> Ran:
        done = subprocess.run(words, env=self.environment(), input=stdin, capture_output=True, text=True, timeout=SECONDS)
        return Ran(done.returncode, done.stdout + done.stderr)

    def deploy(self, *words: str, expect: int = 0, stdin: str = '') -> str:
        ran = self.run(self.words(*words), stdin)
        assert ran.code == expect, f'exit {ran.code}, not {expect}: {words}\n{ran.output}'
        return ran.output

    def ctl(self, *words: str, expect: int = 0) -> str:
        ran = self.run([str(BINARIES / 'sync-nodectl'), *words])
        assert ran.code == expect, f'exit {ran.code}, not {expect}: {words}\n{ran.output}'
        return ran.output

    def talk(self, words: List[str], answers: List[Tuple[str, str]]) -> Tuple[int, str]:
        """Answers each question when it is asked, on a terminal; the exit code, and all that was shown, echo included."""
        desk, terminal = pty.openpty()
        process = subprocess.Popen(words, stdin=terminal, stdout=terminal, stderr=terminal, env=self.environment(), start_new_session=True)
        os.close(terminal)
        shown, answered_until, deadline = '', 0, time.monotonic() + SECONDS
        pending = list(answers)
        while time.monotonic() < deadline:
            if pending and pending[0][0] in shown[answered_until:]:
                answered_until = len(shown)
                os.write(desk, (pending.pop(0)[1] + '\n').encode())
            ready, _, _ = select.select([desk], [], [], 1)
            try:
                piece = os.read(desk, 65536) if ready else b''
            except OSError:  # it has ended
                break
            shown += piece.decode(errors='replace')
        os.close(desk)
        return process.wait(10), shown

    # --- what is there -----------------------------------------------------------------------------------
    def tree(self) -> Dict[str, Tuple[int, int, int, str]]:
        """Everything below etc: mode, inode, time of the last change, content."""
        found = {}
        for path in sorted((self.root / 'etc').rglob('*')):
            facts = path.lstat()
            text = os.readlink(path) if path.is_symlink() else path.read_text() if path.is_file() else ''
            found[str(path)] = (facts.st_mode, facts.st_ino, facts.st_mtime_ns, text)
        return found

    def credentials(self) -> Dict[str, str]:
        """As a shell that sources the file has them."""
        names = 'SUPABASE_PROJECT_REF SUPABASE_REGION SYNC_SERVICE_PASSWORD ADMIN_URL SYNC_URL'.split()
        script = 'set -euo pipefail; source "$1"; ' + ' '.join(f'printf "%s\\0" "${name}";' for name in names)
        out = subprocess.run(['bash', '-c', script, 'bash', str(self.etc / '.credentials')], capture_output=True, check=True).stdout
        return dict(zip(names, out.decode().split('\0')))

    def url(self) -> str:
        """The URL the agent is given, as a shell reads it."""
        return subprocess.run(['bash', '-c', 'source "$1"; printf %s "$SUPABASE_URL"', 'bash', str(self.etc / '.env')], capture_output=True,
                              check=True, text=True).stdout

    def as_agent(self, sql: str) -> str:
        return run_psql(self.url(), sql)

    def intruder(self) -> 'Intruder':
        """Logs in with what the agent is given now."""
        return Intruder(self.server, self.url())


class Intruder:
    """A session that stays in until somebody ends it."""

    def __init__(self, server: PrivatePostgres, url: str) -> None:
        self.server = server
        self.process = subprocess.Popen([str(server_binaries() / 'psql'), '-X', '-q', '-A', '-t', '-d', url], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=die_with_parent)
        assert self.process.stdin is not None and self.process.stdout is not None
        print('SELECT pg_backend_pid();', file=self.process.stdin, flush=True)
        self.pid = int(self.process.stdout.readline())

    def is_in(self) -> bool:
        return self.server.superuser_psql(f'SELECT count(*) FROM pg_stat_activity WHERE pid = {self.pid}') == '1'

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


# Of a dump: what differs each time it is made, and counters that move by themselves.
NOISE = ('\\restrict', '\\unrestrict', '--', 'SELECT pg_catalog.setval')


def catalog(server: PrivatePostgres) -> str:
    """Every definition, grant and row of sync_metadata, and every role with its password; not what beats by itself."""
    def dump(program: str, *words: str) -> str:
        done = subprocess.run([str(server_binaries() / program), '-h', str(server.directory), '-p', str(server.port), '-U', server.user, *words],
                              capture_output=True, text=True, check=True)
        return '\n'.join(line for line in done.stdout.splitlines() if not line.startswith(NOISE))

    beats = [f'--exclude-table-data=sync_metadata.{table}' for table in ('hosts', 'leader_election', 'cache_events', 'sync_jobs')]
    return dump('pg_dumpall', '--roles-only') + dump('pg_dump', *beats, server.database)


def passwords(server: PrivatePostgres) -> Dict[str, str]:
    """Role → what the server keeps of its password."""
    rows = server.superuser_psql("SELECT rolname || ' ' || coalesce(rolpassword, '') FROM pg_authid WHERE rolname LIKE 'sync_service%'")
    return dict((line.split(' ', 1)) for line in rows.splitlines())
