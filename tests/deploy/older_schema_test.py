"""
SQLite + Supabase Sync System - Deploying To An Older Schema

A project of a release before: who is refused there has not brought it up to date first.
"""

import hashlib
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deploy.hosts import Host, catalog  # noqa: E402
from support.private_postgres import SOURCE, PrivatePostgres, run_psql  # noqa: E402


class OlderSchema(unittest.TestCase):
    """A project whose schema this program would bring up to date."""

    def project(self, newest: int) -> PrivatePostgres:
        """With a host that lives."""
        server = PrivatePostgres()
        self.addCleanup(server.stop)
        for path in sorted((SOURCE / 'sql').glob('[0-9][0-9]-*.sql'))[:newest]:
            text = path.read_text()
            run_psql(server.admin_url(), f"{text}\n;INSERT INTO sync_metadata.schema_migrations (number, name, sha256) VALUES ({int(path.name[:2])}, "
                                         f"'{path.stem}', '{hashlib.sha256(text.encode()).hexdigest()}')")
        server.create_cluster('host-1')
        server.superuser_psql("UPDATE sync_metadata.leader_election SET leader_id = 'openwebui-sync-node-a', epoch = 1, term_nonce = gen_random_uuid(), "
                              "acquired_at = clock_timestamp(), expires_at = clock_timestamp() + interval '50 minutes'")
        return server

    def refused(self, server: PrivatePostgres, why: str) -> None:
        host, known = Host(server), catalog(server)
        self.addCleanup(host.close)
        for how in ('--dry-run', '--yes'):
            self.assertIn(why, host.deploy('--admin-url-file', host.admin, '--host-name', 'host-1', how, expect=1))
        self.assertEqual((catalog(server), host.etc.exists()), (known, False), 'who is refused has changed nothing')

    def test_1_that_knows_no_machines(self) -> None:
        server = self.project(9)
        self.refused(server, "'openwebui-sync-node-a' leads 'host-1' now, and this machine has no password")
        host = Host(server)
        self.addCleanup(host.close)
        self.assertRegex(host.deploy('--admin-url-file', host.admin, '--host-name', 'host-2', '--yes', '--no-start'), 'bring the schema from 9 to')
        self.assertEqual(host.as_agent('SELECT sync_metadata.caller_cluster()'), 'host-2')

    def test_2_that_knows_machines(self) -> None:
        server = self.project(10)
        server.superuser_psql(f"UPDATE sync_metadata.cluster_logins SET machine = '{'a' * 64}'")
        self.refused(server, "host 'host-1' is another machine")


if __name__ == '__main__':
    unittest.main(verbosity=2)
