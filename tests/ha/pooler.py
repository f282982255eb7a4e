"""
SQLite + Supabase Sync System - Private PgBouncer

A PgBouncer of one's own in front of a private PostgreSQL, on a free port, ended by its pid: for one role, or for every role and database.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.nodes import until  # noqa: E402
from support.private_postgres import PrivatePostgres, die_with_parent, free_port  # noqa: E402

# It asks the server whose password is which, as poolers that serve many do.
EVERYBODY = 'auth_user = {}\nauth_query = SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1 AND rolcanlogin\n'


class Pooler:
    """`mode` is session or transaction; `size` server connections for a role; `wait`: seconds in which a client gets one."""

    def __init__(self, mode: str, of: 'str | PrivatePostgres', size: int = 2, wait: int = 120) -> None:
        """In front of a server for all its roles, or for the one role of a URL: then `url` is that by way of the pooler."""
        self.directory = Path(tempfile.mkdtemp(prefix='sync-node-pooler.'))
        self.port = free_port()
        if isinstance(of, PrivatePostgres):
            user, password, roles = of.user, '', EVERYBODY.format(of.user)
            databases = f'* = host={of.directory} port={of.port}'
        else:
            parts = urlsplit(of)
            user, password, roles = str(parts.username), unquote(parts.password or ''), ''
            databases = f'sync = host=127.0.0.1 port={parts.port} dbname=sync'
            self.url = of.replace(f':{parts.port}/', f':{self.port}/')
        (self.directory / 'users').write_text(f'"{user}" "{password}"\n')
        (self.directory / 'pgbouncer.ini').write_text(
            f'[databases]\n{databases}\n[pgbouncer]\npool_mode = {mode}\n'
            f'listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\nauth_type = scram-sha-256\n{roles}'
            f'auth_file = {self.directory}/users\ndefault_pool_size = {size}\nquery_wait_timeout = {wait}\nmax_client_conn = 200\nlogfile = {self.directory}/log\n')
        command = ['pgbouncer', '-q', str(self.directory / 'pgbouncer.ini')]
        if os.geteuid() == 0:
            for path in [self.directory, *self.directory.iterdir()]:
                shutil.chown(path, 'postgres')
            command[1:1] = ['-u', 'postgres']
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        until('PgBouncer to listen', 15, self._listens)

    def _listens(self) -> bool:
        try:
            socket.create_connection(('127.0.0.1', self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> 'Pooler':
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
