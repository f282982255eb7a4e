"""
SQLite + Supabase Sync System - A Host On Which Clients Come And Go

The product on a private PostgreSQL, an engine that answers as Docker does, and the words of an administrator, for tests.
"""

import json
import sys
import unittest
from pathlib import Path
from typing import Any, Dict, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cli.documents import judge  # noqa: E402
from support.docker_engine import FakeDocker, volume  # noqa: E402
from support.product import Product  # noqa: E402


class ClientCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.product = Product('host-1')
        cls.addClassCleanup(cls.product.stop)

    def setUp(self) -> None:
        """Each test has a Docker of its own and begins without clients."""
        self.folder = self.product.directory / self._testMethodName
        self.folder.mkdir()
        self.docker = FakeDocker(self.folder)
        self.addCleanup(self.docker.stop)
        for name in self.sql('SELECT client_name FROM sync_metadata.client_deployments').split():
            self.end(name)

    # --- helpers ---------------------------------------------------------------------------------------
    def sql(self, sql: str) -> str:
        return self.product.server.superuser_psql(sql)

    def status(self, name: str) -> str:
        return self.sql('SELECT status, sync_enabled, deregistered_at IS NOT NULL FROM sync_metadata.client_deployments '
                        f"WHERE client_name = '{name}'")

    def ctl(self, *words: str, expect: int = 0, env: Optional[Dict[str, str]] = None) -> str:
        ran = self.product.run('sync-nodectl', *words, env=env)
        self.assertEqual(ran.code, expect, f'{words}: {ran.output}')
        return ran.output

    def admin(self, *words: str, expect: int = 0) -> str:
        return self.ctl('client', *words, '--admin-url-file', str(self.product.admin_file), expect=expect)

    def register(self, *words: str, expect: int = 0) -> str:
        return self.admin('register', *words, '--docker-socket', str(self.docker.path), expect=expect)

    def document(self, command: str, *words: str, expect: int = 0) -> Any:
        text = self.register(*words, '--json', expect=expect)
        self.assertEqual(judge(text, command), [], text)
        return json.loads(text)

    def end(self, name: str) -> None:
        self.admin('deregister', name, '--drop-schema', '--yes')

    def volume(self, name: str, rows: int = 3) -> str:
        return volume(self.folder, name, rows)

    def path_of(self, name: str) -> str:
        return self.sql(f"SELECT sqlite_path FROM sync_metadata.client_deployments WHERE client_name = '{name}'")

    def everything(self) -> str:
        """What a command that changes nothing leaves as it is."""
        return self.sql('SELECT d, (SELECT array_agg(nspname ORDER BY 1) FROM pg_namespace) FROM sync_metadata.client_deployments d '
                        'ORDER BY client_name')

    def actions(self, document: Any) -> Dict[str, str]:
        return {client['container_name']: client['action'] for client in document['clients']}

    def synced(self, name: str) -> Path:
        """A registered client with a copy; where this host remembers what was shipped."""
        self.docker.run(f'openwebui-{name}', self.volume(name))
        self.register(name, '--container', f'openwebui-{name}')
        self.ctl('sync', name)
        memory = self.product.state / 'clients' / self.product.schema(name)
        self.assertTrue(memory.is_dir())
        return memory
