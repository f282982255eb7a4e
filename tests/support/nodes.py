"""
SQLite + Supabase Sync System - Real Nodes

A private D-Bus and real sync-node processes on it, as systemd would start them: READY and STATUS arrive on a socket of
their own, so a test waits for the event. Processes are ended by their pid.
"""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.private_postgres import die_with_parent  # noqa: E402
from support.product import BINARIES, Product  # noqa: E402

TOKEN = 'token-of-the-tests-0123456789abcdef'

BUS_CONFIG = """<busconfig><listen>{address}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>
"""


class PrivateBus:
    """A dbus-daemon of one's own; every uid may talk and own names on it."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix='sync-node-bus.'))
        os.chmod(self.directory, 0o755)
        self.address = f'unix:path={self.directory}/bus'
        config = self.directory / 'bus.conf'
        config.write_text(BUS_CONFIG.format(address=self.address))
        self.config = config
        self.start()

    def start(self) -> None:
        """Returns when it listens."""
        self.process = subprocess.Popen(['dbus-daemon', f'--config-file={self.config}', '--nofork', '--nopidfile', '--print-address'],
                                        stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        assert self.process.stdout is not None and self.process.stdout.readline(), 'dbus-daemon did not start'

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> 'PrivateBus':
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Answer(NamedTuple):
    """What HTTP said; `body` is the parsed JSON or the text."""

    status: int
    body: Any
    headers: Dict[str, str]


class Node:
    """One sync-node process. start() returns when it said READY=1."""

    def __init__(self, product: Product, letter: str, bus: Optional[PrivateBus], **settings: str) -> None:
        self.product, self.letter = product, letter
        self.directory = Path(tempfile.mkdtemp(prefix=f'sync-node-{letter}.'))
        os.chmod(self.directory, 0o755)
        token = product.directory / 'api-token'
        if not token.exists():
            token.write_text(TOKEN + '\n')
            product.hand_over(token)
            os.chmod(token, 0o400)
        self.settings = {'BUS_ADDRESS': bus.address if bus else 'none', 'API_PORT': '0', 'API_TOKEN_FILE': str(token), **settings}
        self.log = self.directory / 'log'
        self.process: Optional['subprocess.Popen[bytes]'] = None
        self.status = ''
        self.arguments: List[str] = []
        self.descriptors = 0  # at most so many; 0: as usual

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def node_id(self) -> str:
        return f'openwebui-sync-node-{self.letter}'

    def launch(self) -> None:
        """Does not wait."""
        self.asked = False
        path = str(self.directory / 'notify')
        if os.path.exists(path):
            os.unlink(path)
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notices.bind(path)
        os.chmod(path, 0o777)
        self.said: List[str] = []
        self.heard = threading.Condition()
        threading.Thread(target=self.listen, args=(notices,), daemon=True).start()
        environment = {**self.product.environment(), **self.settings, 'NOTIFY_SOCKET': path}
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen([str(BINARIES / 'sync-node'), '--node', self.letter, *self.arguments], env=environment, stdout=log, stderr=log,
                                            preexec_fn=self.limit)

    def limit(self) -> None:
        die_with_parent()
        if self.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def start(self, seconds: float = 30) -> 'Node':
        self.launch()
        self.wait_for('READY=1', seconds)
        return self

    def listen(self, notices: socket.socket) -> None:
        """As systemd: takes every message at once, or the node would wait for us."""
        while True:
            message = notices.recv(65536).decode()
            with self.heard:
                self.said.append(message)
                self.status = next((line[7:] for line in message.splitlines() if line.startswith('STATUS=')), self.status)
                self.heard.notify_all()

    def wait_for(self, word: str, seconds: float = 30) -> str:
        """A message to systemd that holds `word`, since the start."""
        def found() -> Optional[str]:
            return next((message for message in self.said if word in message), None)

        with self.heard:
            if not self.heard.wait_for(lambda: found() is not None, seconds):
                raise RuntimeError(f'node {self.letter} did not say {word!r} in {seconds} s; last status {self.status!r}\n{self.text()[-3000:]}')
            return str(found())

    def text(self) -> str:
        return self.log.read_text(errors='replace') if self.log.exists() else ''

    def api_port(self) -> int:
        """From its lock file, which it fills before it is ready."""
        line = (self.product.state / f'node-{self.letter}.lock').read_text()
        return int(dict(word.split('=', 1) for word in line.split() if '=' in word)['api_port'])

    def http(self, method: str, path: str, body: Any = None, token: Optional[str] = TOKEN, timeout: float = 15, **headers: str) -> Answer:
        data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        request = urllib.request.Request(f'http://127.0.0.1:{self.api_port()}{path}', data=data, method=method)
        if token is not None:
            request.add_header('Authorization', f'Bearer {token}')
        if data is not None:
            request.add_header('Content-Type', 'application/json')
        for name, value in headers.items():
            request.add_header(name.replace('_', '-'), value)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return self.parsed(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as refused:
            return self.parsed(refused.code, refused.read(), dict(refused.headers))

    @staticmethod
    def parsed(status: int, raw: bytes, headers: Dict[str, str]) -> Answer:
        try:
            return Answer(status, json.loads(raw), headers)
        except ValueError:
            return Answer(status, raw.decode(errors='replace'), headers)

    def health(self) -> Dict[str, Any]:
        return dict(self.http('GET', '/health', token=None).body)

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def ask_to_stop(self) -> None:
        """SIGTERM, once: a second one would end it at once."""
        assert self.process is not None
        if not self.asked and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.asked = True

    def stop(self, seconds: float = 40) -> int:
        """SIGTERM; its exit code."""
        self.ask_to_stop()
        assert self.process is not None
        return self.process.wait(seconds)

    def clean(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> 'Node':
        return self

    def __exit__(self, *_: object) -> None:
        self.clean()


def leader_of(product: Product) -> Optional[str]:
    """Who holds an unexpired lease by the server's clock."""
    found = product.server.superuser_psql('SELECT leader_id FROM sync_metadata.leader_election WHERE expires_at > clock_timestamp()')
    return found or None


def until(what: str, seconds: float, test: Any, pause: float = 0.02, first: float = 0) -> Any:
    """For what cannot be waited on as an event: asks, `first` seconds from now, and again until `test` gives something true."""
    deadline = time.monotonic() + seconds
    time.sleep(first)
    while True:
        result = test()
        if result:
            return result
        if time.monotonic() > deadline:
            raise RuntimeError(f'not within {seconds} s: {what}')
        time.sleep(pause)


def pair(product: Product, bus: Optional[PrivateBus], **settings: str) -> List[Node]:
    return [Node(product, letter, bus, **settings) for letter in 'ab']
