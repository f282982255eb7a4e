"""
SQLite + Supabase Sync System - Private PgBouncer

A PgBouncer of one's own in front of a private PostgreSQL, on a free port, ended by its pid.
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
from support.private_postgres import die_with_parent, free_port  # noqa: E402


class Pooler:
    """`mode` is session or transaction; `size` server connections for the one role; `wait`: seconds in which a client gets one."""

    def __init__(self, mode: str, url: str, size: int = 2, wait: int = 120) -> None:
        parts = urlsplit(url)
        self.directory = Path(tempfile.mkdtemp(prefix='sync-node-pooler.'))
        self.port = free_port()
        (self.directory / 'users').write_text(f'"{parts.username}" "{unquote(parts.password or "")}"\n')
        (self.directory / 'pgbouncer.ini').write_text(
            f'[databases]\nsync = host=127.0.0.1 port={parts.port} dbname=sync\n[pgbouncer]\npool_mode = {mode}\n'
            f'listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\nauth_type = scram-sha-256\n'
            f'auth_file = {self.directory}/users\ndefault_pool_size = {size}\nquery_wait_timeout = {wait}\nmax_client_conn = 200\nlogfile = {self.directory}/log\n')
        self.url = url.replace(f':{parts.port}/', f':{self.port}/')
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
