"""
SQLite + Supabase Sync System - Private PostgreSQL

A PostgreSQL server of one's own for a test, the demo or a benchmark: fresh directory, free port, ended by pid.
As root it runs as user `postgres` (initdb refuses root). The server of the machine is never touched.
`private_postgres.py serve` speaks a line protocol on stdin/stdout for tests in C++ and for ./dev.
"""

import ctypes
import glob
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional
from urllib.parse import quote

SOURCE = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1


class PostgresError(RuntimeError):
    """The server or a statement failed; the text is PostgreSQL's own."""


class Cluster(NamedTuple):
    """A registered host: its name, its login role and the URL an agent would be given."""

    name: str
    login: str
    url: str


def server_binaries() -> Path:
    """The directory of initdb and postgres of the newest installed version."""
    found = sorted(glob.glob('/usr/lib/postgresql/*/bin'), key=lambda path: int(path.split('/')[4]))
    if found:
        return Path(found[-1])
    initdb = shutil.which('initdb')
    if initdb is None:
        raise PostgresError('no PostgreSQL server binaries found; install postgresql')
    return Path(initdb).parent


def free_port() -> int:
    """A port nobody listens on now; the caller retries if somebody takes it first."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def die_with_parent() -> None:
    """Runs in the child: a killed test leaves no server behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def run_psql(url: str, sql: str, *, single: bool = True) -> str:
    """Runs SQL through psql, unaligned and without headings; raises PostgresError with its message."""
    # Not by its name: Debian's psql is a Perl script that takes longer than the question.
    command = [str(server_binaries() / 'psql'), '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', url]
    if single:
        command.append('-1')
    done = subprocess.run(command, input=sql, capture_output=True, text=True,
                          env={**os.environ, 'PGCONNECT_TIMEOUT': '10'})
    if done.returncode != 0:
        raise PostgresError(done.stderr.strip())
    return done.stdout.rstrip('\n')


class PrivatePostgres:
    """Started by the constructor, ended by stop() or by leaving a `with` block. One thread."""

    def __init__(self, *, settings: Optional[Dict[str, str]] = None, fsync: bool = False,
                 directory: Optional[str] = None) -> None:
        self.user = 'postgres' if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.directory = Path(tempfile.mkdtemp(prefix='sync-node-pg.', dir=directory))
        self.data = self.directory / 'data'
        self.log = self.directory / 'server.log'
        self.database = 'sync'
        self.admin_password = secrets.token_urlsafe(12)
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.settings = {'fsync': 'on' if fsync else 'off', 'full_page_writes': 'on' if fsync else 'off',
                         'shared_buffers': '64MB', 'max_connections': '60', 'logging_collector': 'off',
                         'unix_socket_directories': str(self.directory), 'listen_addresses': '127.0.0.1',
                         'password_encryption': 'scram-sha-256', 'timezone': 'UTC', 'jit': 'off',
                         **(settings or {})}
        try:
            if os.geteuid() == 0:
                shutil.chown(self.directory, 'postgres', 'postgres')
            os.chmod(self.directory, 0o755)
            self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.notify.settimeout(0.2)
            self.notify.bind(str(self.directory / 'notify'))
            os.chmod(self.directory / 'notify', 0o777)
            self._initdb()
            self._start()
            self._create_database()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> 'PrivatePostgres':
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- what tests use -------------------------------------------------------------------------------
    def url(self, user: str, password: str, database: Optional[str] = None) -> str:
        """A TCP URL, password percent-encoded."""
        return (f'postgresql://{quote(user, safe="")}:{quote(password, safe="")}@127.0.0.1:{self.port}/'
                f'{database or self.database}')

    def admin_url(self) -> str:
        """The NOSUPERUSER CREATEROLE role that owns the database: what `postgres` is on Supabase."""
        return self.url('admin', self.admin_password)

    def superuser_url(self) -> str:
        """The superuser, over the unix socket (trusted there, refused over TCP)."""
        return f'postgresql://{self.user}@/{self.database}?host={quote(str(self.directory), safe="")}&port={self.port}'

    def superuser_psql(self, sql: str) -> str:
        """What only a superuser may do or see."""
        return run_psql(self.superuser_url(), sql)

    def psql(self, sql: str) -> str:
        """SQL as the admin."""
        return run_psql(self.admin_url(), sql)

    def apply_migrations(self) -> None:
        """sql/NN-*.sql in order, as the admin, one transaction each."""
        for path in sorted((SOURCE / 'sql').glob('[0-9][0-9]-*.sql')):
            try:
                run_psql(self.admin_url(), path.read_text())
            except PostgresError as error:
                raise PostgresError(f'{path.name}: {error}') from error

    def create_cluster(self, name: str) -> Cluster:
        """A login role in sync_agents, mapped to the cluster."""
        login = 'sync_service_' + ''.join(c if c.isalnum() else '_' for c in name.lower())
        password = secrets.token_urlsafe(12)
        self.psql(f"CREATE ROLE {login} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{password}' "
                  f"IN ROLE sync_agents; SELECT sync_metadata.register_cluster('{name}', '{login}');")
        return Cluster(name, login, self.url(login, password))

    def halt(self, how: int = signal.SIGINT) -> None:
        """Stops the server (fast, or as the signal says) and keeps its data; resume() brings it back at the same port."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(timeout=60)

    def resume(self) -> None:
        self._start(self.port)

    def stop(self) -> None:
        """Ends the server by its pid and removes its directory."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=30)
        self.process = None
        self.notify.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- how it comes up ------------------------------------------------------------------------------
    def _as_server(self) -> Dict[str, object]:
        if os.geteuid() != 0:
            return {}
        return {'user': 'postgres', 'group': 'postgres', 'extra_groups': []}

    def _initdb(self) -> None:
        done = subprocess.run([str(server_binaries() / 'initdb'), '-D', str(self.data), '-U', self.user, '--no-sync',
                               '--encoding=UTF8', '--locale=C.UTF-8', '--auth-local=trust',
                               '--auth-host=scram-sha-256'], cwd='/', capture_output=True, text=True, **self._as_server())
        if done.returncode != 0:
            raise PostgresError('initdb: ' + done.stderr.strip())

    def _start(self, port: Optional[int] = None) -> None:
        for _ in range(5):
            self.port = port or free_port()
            options: List[str] = []
            for key, value in {**self.settings, 'port': str(self.port)}.items():
                options += ['-c', f'{key}={value}']
            with open(self.log, 'ab') as log:
                self.process = subprocess.Popen([str(server_binaries() / 'postgres'), '-D', str(self.data), *options],
                                                cwd='/', stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                preexec_fn=die_with_parent, **self._as_server(),
                                                env={**os.environ, 'NOTIFY_SOCKET': str(self.directory / 'notify')})
            if self._ready():
                return
        raise PostgresError('server did not start: ' + self.log.read_text()[-2000:])

    def _ready(self) -> bool:
        """Waits for the server's own readiness notification (sd_notify), or for its end."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            try:
                if b'READY=1' in self.notify.recv(4096):
                    return True
            except socket.timeout:
                continue
        return False

    def _create_database(self) -> None:
        root = self.superuser_url().replace(f'/{self.database}?', '/postgres?')
        run_psql(root, f"CREATE ROLE admin LOGIN NOSUPERUSER CREATEROLE CREATEDB PASSWORD '{self.admin_password}';")
        run_psql(root, f'CREATE DATABASE {self.database} OWNER admin;', single=False)
        self.superuser_psql('ALTER SCHEMA public OWNER TO admin;')


def serve() -> int:
    """Line protocol: `migrate`, `cluster NAME`; every answer is one line `ok …` or `error …`. EOF ends the server."""
    with PrivatePostgres(fsync='--fsync' in sys.argv) as server:
        print(f'ok {server.admin_url()} {server.superuser_url()} {server.directory}', flush=True)
        for line in sys.stdin:
            verb, _, argument = line.strip().partition(' ')
            try:
                if verb == 'migrate':
                    server.apply_migrations()
                    print('ok', flush=True)
                elif verb == 'cluster':
                    cluster = server.create_cluster(argument)
                    print(f'ok {cluster.login} {cluster.url}', flush=True)
                else:
                    print(f'error unknown verb {verb!r}', flush=True)
            except PostgresError as error:
                print('error ' + ' '.join(str(error).split()), flush=True)
    return 0


if __name__ == '__main__':
    if sys.argv[1:2] != ['serve']:
        print('usage: private_postgres.py serve [--fsync]', file=sys.stderr)
        sys.exit(2)
    sys.exit(serve())
