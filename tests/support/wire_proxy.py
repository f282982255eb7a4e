"""
SQLite + Supabase Sync System - Wire Proxy

A PostgreSQL proxy on loopback that counts bytes in both directions and calls back before every statement and after every
COMMIT, so that a test can kill or freeze the product at an exact boundary. It changes nothing that passes.
"""

import re
import socket
import struct
import threading
from typing import Callable, List, Optional
from urllib.parse import urlsplit, urlunsplit

COMMIT = re.compile(rb'\bCOMMIT\b', re.IGNORECASE)
COMMITTED = b'C\x00\x00\x00\x0bCOMMIT\x00'
SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
Hook = Callable[[int, bytes], Optional[bool]]


class WireProxy:
    """Listens until stop(). Hooks run on the connection's thread: what they take, the product waits for. A hook that returns
    True cuts the connection there: what it was called for goes no further.

    before_statement(n, sql): the n-th statement (from 1) is about to be forwarded.
    before_commit(n, sql) / after_commit(n, sql): around the n-th COMMIT; after: the server has committed and the product
    has not been told yet.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.target = (parts.hostname or '127.0.0.1', parts.port or 5432)
        self.listener = socket.create_server(('127.0.0.1', 0))
        port = self.listener.getsockname()[1]
        self.url = urlunsplit(parts._replace(netloc=parts.netloc.rsplit('@', 1)[0] + f'@127.0.0.1:{port}'))
        self.lock = threading.Lock()
        self.sent = self.received = self.statements = self.commits = 0
        self.before_statement: Optional[Hook] = None
        self.before_commit: Optional[Hook] = None
        self.after_commit: Optional[Hook] = None
        self.sockets: List[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> 'WireProxy':
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reset(self) -> None:
        """Counters and hooks as new."""
        with self.lock:
            self.sent = self.received = self.statements = self.commits = 0
        self.before_statement = self.before_commit = self.after_commit = None

    def moved(self) -> int:
        """Bytes in both directions since reset()."""
        return self.sent + self.received

    def stop(self) -> None:
        self.listener.close()
        for each in self.sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
            except OSError:
                return
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sockets.append(each)
            connection = Connection(self, client, server)
            threading.Thread(target=connection.upstream, daemon=True).start()
            threading.Thread(target=connection.downstream, daemon=True).start()


class Connection:
    """One client connection and its server connection, one thread a direction."""

    def __init__(self, proxy: WireProxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.committing = 0  # number of the COMMIT whose answer is awaited

    def close(self) -> None:
        for each in (self.client, self.server):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # already gone, which is what was wanted

    def upstream(self) -> None:
        """Client to server, message by message."""
        buffer = b''
        started = False
        try:
            while True:
                data = self.client.recv(1 << 16)
                if not data:
                    break
                with self.proxy.lock:
                    self.proxy.sent += len(data)
                buffer += data
                while True:
                    length = self._length(buffer, started)
                    if length is None or len(buffer) < length:
                        break
                    message, buffer = buffer[:length], buffer[length:]
                    if not started:
                        started = struct.unpack('>I', message[4:8])[0] not in (SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST)
                    elif self._statement(message):
                        raise ConnectionAbortedError
                    self.server.sendall(message)
        except OSError:
            pass  # one side went away; the other is told by close()
        self.close()

    @staticmethod
    def _length(buffer: bytes, started: bool) -> Optional[int]:
        skip = 1 if started else 0
        if len(buffer) < 4 + skip:
            return None
        return int(struct.unpack('>I', buffer[skip:skip + 4])[0]) + skip

    def _statement(self, message: bytes) -> bool:
        """Calls the hooks; True: cut here."""
        cut: Optional[bool] = False
        if message[:1] not in (b'Q', b'P'):
            return False
        sql = message[5:]
        with self.proxy.lock:
            self.proxy.statements += 1
            number = self.proxy.statements
        if self.proxy.before_statement:
            cut = self.proxy.before_statement(number, sql)
        if COMMIT.search(sql):
            with self.proxy.lock:
                self.proxy.commits += 1
                commit = self.proxy.commits
            if self.proxy.before_commit:
                cut = self.proxy.before_commit(commit, sql) or cut
            self.committing = commit
        return bool(cut)

    def downstream(self) -> None:
        """Server to client; the answer to a COMMIT is held while the hook runs."""
        try:
            while True:
                data = self.server.recv(1 << 16)
                if not data:
                    break
                with self.proxy.lock:
                    self.proxy.received += len(data)
                if self.committing and COMMITTED in data:
                    commit, self.committing = self.committing, 0
                    if self.proxy.after_commit and self.proxy.after_commit(commit, b''):
                        break
                self.client.sendall(data)
        except OSError:
            pass  # one side went away; the other is told by close()
        self.close()
