"""
SQLite + Supabase Sync System - A Docker Engine To Ask

Speaks the part of the Docker Engine API that the product asks for, over a Unix socket, in the form in which an engine 20.10
answers: the list of containers shows no source of a volume, a description does. Anything but GET is recorded and refused.
"""

import json
import os
import socketserver
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Dict, List, Optional

DATA = '/app/backend/data'


def volume(folder: Path, name: str, rows: int = 3) -> str:
    """A volume with a database, as Docker lays one out; its path, where a container has its data."""
    data = folder / name / '_data'
    data.mkdir(parents=True, exist_ok=True)
    source = sqlite3.connect(data / 'webui.db')
    source.execute('CREATE TABLE chat (id TEXT PRIMARY KEY, title TEXT)')
    source.executemany('INSERT INTO chat VALUES (?, ?)', [(f'c{n}', name) for n in range(rows)])
    source.commit()
    source.close()
    return str(data)


class FakeDocker:
    """Listens from the constructor until stop(). Containers may come and go meanwhile."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / 'docker.sock'
        self.containers: Dict[str, List[Dict[str, Any]]] = {}
        self.links: Dict[str, List[str]] = {}
        self.asked: List[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.asked.append(f'GET {self.path}')
                status, body = fake.answer(self.path)
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header('Api-Version', '1.41')
                self.send_header('Content-Type', 'application/json')
                self.end_headers()
                self.wfile.write(text)

            def address_string(self) -> str:
                return 'local'

            def log_message(self, *_: object) -> None:
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self.server = Server(str(self.path), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)

    def run(self, name: str, source: Optional[str], kind: str = 'volume', destination: str = DATA) -> None:
        """Makes the container, or makes it anew; without `source` its data stays inside."""
        mounts = [{'Type': 'bind', 'Source': '/etc/localtime', 'Destination': '/etc/localtime', 'Mode': 'ro', 'RW': False,
                   'Propagation': 'rprivate'}]
        if source is not None:
            mount = {'Type': kind, 'Source': source, 'Destination': destination, 'Mode': 'z', 'RW': True, 'Propagation': ''}
            mounts.append({**mount, 'Name': Path(source).parent.name, 'Driver': 'local'} if kind == 'volume' else mount)
        self.containers[name] = mounts

    def remove(self, name: str) -> None:
        del self.containers[name]

    def answer(self, path: str) -> Any:
        if path == '/containers/json?all=1':
            return 200, [self.listed(name) for name in self.containers]
        name = path[len('/containers/'):-len('/json')]
        if not path.startswith('/containers/') or name not in self.containers:
            return 404, {'message': f'No such container: {name}'}
        return 200, {'Id': self.identity(name), 'Created': '2025-10-10T12:00:00.000000000Z', 'Path': 'bash', 'Args': ['start.sh'],
                     'State': {'Status': 'running', 'Running': True, 'Pid': 4711}, 'Image': 'sha256:' + 'ab' * 32, 'Name': f'/{name}',
                     'Driver': 'overlay2', 'GraphDriver': {'Data': {'UpperDir': f'/var/lib/docker/overlay2/{name}/diff'}, 'Name': 'overlay2'},
                     'Mounts': self.containers[name], 'Config': {'Hostname': name, 'Env': ['WEBUI_SECRET_KEY=do-not-tell'],
                                                                 'Image': 'ghcr.io/open-webui/open-webui:main'}}

    def listed(self, name: str) -> Dict[str, Any]:
        shown = [{**mount, 'Source': '' if mount['Type'] == 'volume' else mount['Source']} for mount in self.containers[name]]
        return {'Id': self.identity(name), 'Names': [*self.links.get(name, []), f'/{name}'], 'Image': 'ghcr.io/open-webui/open-webui:main',
                'State': 'running', 'Status': 'Up 2 hours (healthy)', 'Mounts': shown}

    @staticmethod
    def identity(name: str) -> str:
        return name.encode().hex().ljust(64, '0')[:64]
