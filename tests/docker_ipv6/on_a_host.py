"""
SQLite + Supabase Sync System - What Tests Of docker-ipv6 Share

A case on a private host with stand-ins for dockerd and systemctl, and an Engine that answers what the test wants.
"""

import json
import os
import sys
import threading
import unittest
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from typing import Any, Dict, List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from docker_ipv6.private_host import DAEMON, Journal, PrivateHost  # noqa: E402

PLAIN = '{\n  "log-driver": "journald",\n  "default-ulimits": {"nofile": {"Hard": 64000}}\n}\n'
NOBODY = 65534


class Engine:
    """Answers like a Docker Engine whose state the test sets."""

    def __init__(self, info: Dict[str, Any], ipv6: Optional[bool]) -> None:
        bridge = {} if ipv6 is None else {'EnableIPv6': ipv6}
        bodies = {'/info': info, '/networks/bridge': bridge}

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if bodies.get(self.path) else 404)
                self.end_headers()
                self.wfile.write(json.dumps(bodies.get(self.path)).encode())

            def address_string(self) -> str:
                return 'local'

            def log_message(self, *_: Any) -> None:
                return

        Path('/run/docker.sock').unlink(missing_ok=True)
        self.server = UnixStreamServer('/run/docker.sock', Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> 'Engine':
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        Path('/run/docker.sock').unlink(missing_ok=True)


class OnAHost(unittest.TestCase):
    host: PrivateHost

    @classmethod
    def setUpClass(cls) -> None:
        cls.host = PrivateHost()
        cls.journal = Journal()

    def setUp(self) -> None:
        self.host.docker('20.10.24')
        self.host.unit()
        self.host.fresh()
        self.journal.drop_all()

    def helper(self, *words: str, expect: int = 0, **how: Any) -> str:
        ran = self.host.helper(*words, **how)
        self.assertEqual(ran.code, expect, f'{words}: {ran.out}{ran.err}')
        return ran.out + ran.err

    def run_docker(self) -> None:
        process = self.host.running()
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def names(self) -> List[str]:
        return sorted(os.listdir(DAEMON.parent)) if DAEMON.parent.exists() else []

    def enabled(self) -> Dict[str, Any]:
        values = json.loads(DAEMON.read_text(encoding='utf-8-sig'))
        return {key: values.get(key) for key in ('ipv6', 'fixed-cidr-v6', 'ip6tables', 'experimental')}
