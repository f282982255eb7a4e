"""
SQLite + Supabase Sync System - The End Of A Host

sync-nodectl deregister: what stops it, that it fails closed, what it leaves, and that the project's other host notices nothing.
"""

import json
import sqlite3
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cli.documents import judge  # noqa: E402
from deploy.hosts import Host, catalog, passwords  # noqa: E402
from support.private_postgres import PostgresError, PrivatePostgres, run_psql  # noqa: E402
from support.product import BINARIES  # noqa: E402
from support.wire_proxy import WireProxy  # noqa: E402


class End(unittest.TestCase):
    """Tests run in the order of their names; host-1 ends in the middle of them, host-2 at their end."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = PrivatePostgres()
        cls.addClassCleanup(cls.server.stop)
        cls.one, cls.two = Host(cls.server), Host(cls.server)
        for host, name in ((cls.one, 'host-1'), (cls.two, 'host-2')):
            cls.addClassCleanup(host.close)
            host.deploy('--admin-url-file', host.admin, '--host-name', name, '--yes')
            for client in ('acme', 'beta'):
                cls.register(host, name, f'{client}-{name[-1]}')

    @staticmethod
    def register(host: Host, cluster: str, client: str) -> None:
        folder = host.directory / client
        folder.mkdir()
        with sqlite3.connect(folder / 'webui.db') as source:
            source.execute('CREATE TABLE chat (id TEXT PRIMARY KEY)')
        source.close()
        host.ctl('client', 'register', client, '--cluster', cluster, '--sqlite-path', str(folder / 'webui.db'), '--admin-url-file', host.admin)

    def end(self, *words: str, expect: int = 0, admin: str = '', name: str = 'host-1') -> str:
        self.one.systemd.calls.clear()
        return self.one.ctl('deregister', name, '--root', str(self.one.root), '--programs', str(self.one.programs), '--admin-url-file', admin or self.one.admin, *words,
                            expect=expect)

    def unchanged(self, *words: str, expect: int, **more: Any) -> str:
        """Refused: no row, no role, no file, no unit is another one afterwards."""
        before = (catalog(self.server), self.one.tree(), self.two.tree())
        said = self.end(*words, expect=expect, **more)
        self.assertEqual((catalog(self.server), self.one.tree(), self.two.tree()), before)
        self.assertEqual(self.one.systemd.calls, [])
        return said

    sure = ('--yes', '--confirm', 'host-1', '--stop-units')

    def test_1_clients_that_are_synced_stop_it(self) -> None:
        # Paused by its status, so that the nodes, which run, change nothing meanwhile.
        self.one.as_agent("UPDATE sync_metadata.client_deployments SET sync_enabled = true, status = 'paused' WHERE client_name = 'acme-1'")
        said = self.unchanged(*self.sure, expect=1)
        self.assertIn("1 client of 'host-1' is still synced: acme-1", said)
        for remedy in ('client pause acme-1', 'client deregister acme-1', 'client register acme-1'):
            self.assertIn(f'sync-nodectl {remedy}', said)
        self.assertEqual(judge(self.unchanged(*self.sure, '--json', expect=1), 'error'), [])
        with self.assertRaisesRegex(PostgresError, 'still synced: acme-1'):
            self.server.psql("SELECT sync_metadata.deregister_cluster('host-1')")
        self.one.as_agent("UPDATE sync_metadata.client_deployments SET sync_enabled = false, status = 'active' WHERE client_name = 'acme-1'")

    def test_2_a_node_that_leads_stops_it(self) -> None:
        said = self.unchanged('--yes', '--confirm', 'host-1', expect=1)
        self.assertRegex(said, "openwebui-sync-node-[ab] leads 'host-1' now")
        self.assertIn('systemctl disable --now sync-node@a sync-node@b', said)
        with self.assertRaisesRegex(PostgresError, 'leads'):
            self.server.psql("SELECT sync_metadata.deregister_cluster('host-1')")

    def test_3_the_name_has_to_be_said_twice(self) -> None:
        self.assertIn('NAME', self.one.ctl('deregister', expect=64))
        for words in ((), ('--yes',), ('--confirm', 'host-1'), ('--yes', '--confirm', 'host-2')):
            self.assertIn('--confirm host-1', self.unchanged('--stop-units', *words, expect=64))
        self.assertIn("there is no host 'host-9'", self.unchanged('--yes', '--confirm', 'host-9', expect=1, name='host-9'))
        words = [str(BINARIES / 'sync-nodectl'), 'deregister', 'host-1', '--stop-units', '--root', str(self.one.root), '--programs',
                 str(self.one.programs), '--admin-url-file', self.one.admin]
        before = catalog(self.server)
        code, shown = self.one.talk(words, [('type the host', 'host-2')])
        self.assertEqual((code, catalog(self.server)), (1, before), shown)
        self.assertIn('nothing was changed', shown)
        code, shown = self.one.talk([*words, '--json'], [('type the host', 'host-1')])
        self.assertEqual((code, catalog(self.server)), (64, before), 'nobody is asked to agree to what was not shown')

    def test_3b_only_the_nodes_of_the_host_that_ends_are_stopped(self) -> None:
        said = self.unchanged('--yes', '--confirm', 'host-2', '--stop-units', expect=1, name='host-2')
        self.assertIn("this host is 'host-1', not 'host-2'", said)
        self.assertEqual(sorted(self.one.systemd.nodes), ['a', 'b'])
        environment = self.one.etc / '.env'
        kept = environment.read_text()
        environment.write_text(kept.replace('HOST_NAME=', '# HOST_NAME='))
        try:
            self.assertIn('names no host', self.unchanged(*self.sure, expect=1))
            environment.write_text(kept.replace('HOST_NAME=', 'CLUSTER_NAME='))
            self.unchanged('--stop-units', '--dry-run', expect=0)
        finally:
            environment.write_text(kept)

    def test_4_a_dry_run_shows_and_changes_nothing(self) -> None:
        said = self.unchanged('--stop-units', '--dry-run', expect=0)
        self.assertIn("host 'host-1' with login role 'sync_service' is removed", said)
        self.assertIn('2 clients are registered, not synced: acme-1, beta-1', said)
        document = self.unchanged('--stop-units', '--dry-run', '--json', expect=0)
        self.assertEqual(judge(document, 'deregister'), [])
        self.assertFalse(json.loads(document)['removed'])

    def test_5_it_fails_closed(self) -> None:
        before = (catalog(self.server), self.one.tree())
        self.server.halt()
        try:
            self.end(*self.sure, expect=1)
            self.assertEqual(self.one.systemd.calls, [])
            self.assertEqual(sorted(self.one.systemd.nodes), ['a', 'b'])
        finally:
            self.server.resume()
        self.assertEqual((catalog(self.server), self.one.tree()), before)
        # The line is cut at the very statement, and at its COMMIT: nodes that were stopped meanwhile are told of.
        with WireProxy(self.server.admin_url()) as proxy:
            proxy.before_statement = lambda number, sql: b'deregister_cluster' in sql
            said = self.end(*self.sure, expect=1, admin=self.one.secret('proxy', proxy.url))
        self.assertIn('the nodes of this host are stopped and disabled', said)
        self.assertEqual((self.one.systemd.calls, self.one.systemd.nodes), (['disable a b'], {}))
        for word in (b'deregister_cluster', b'COMMIT'):
            with WireProxy(self.server.admin_url()) as proxy:
                proxy.before_statement = lambda number, sql, word=word: word in sql
                self.end('--yes', '--confirm', 'host-1', expect=1, admin=self.one.secret('proxy', proxy.url))
            self.assertEqual((catalog(self.server), self.one.tree()), before)
        # Removing that removes nothing is not taken for success.
        function = self.server.superuser_psql("SELECT pg_get_functiondef('sync_metadata.deregister_cluster'::regproc)")
        self.server.superuser_psql("CREATE OR REPLACE FUNCTION sync_metadata.deregister_cluster(p_cluster text) RETURNS jsonb LANGUAGE sql AS "
                                   "$$ SELECT '{\"role_dropped\": false}'::jsonb $$")
        said = self.end('--yes', '--confirm', 'host-1', expect=1)
        self.assertIn("rows still speak of 'host-1'", said)
        self.server.superuser_psql(function)
        self.one.deploy('--yes')

    def test_6_a_host_ends_and_the_other_notices_nothing(self) -> None:
        others = "SELECT json_agg(t) FROM (SELECT d.*, l.* FROM sync_metadata.client_deployments d JOIN sync_metadata.cluster_logins l " \
                 "USING (cluster_name) WHERE cluster_name = 'host-2' ORDER BY client_name) t"
        epoch = "SELECT leader_id, epoch FROM sync_metadata.leader_election WHERE cluster_name = 'host-2'"
        before = [self.server.superuser_psql(sql) for sql in (others, epoch)]
        known, tree, calls = passwords(self.server), self.two.tree(), list(self.two.systemd.calls)
        intruder, neighbour = self.one.intruder(), self.two.intruder()
        self.addCleanup(intruder.close)
        self.addCleanup(neighbour.close)
        said = self.end(*self.sure)
        self.assertNotIn('sync-nodectl deploy starts', said)
        self.assertEqual(self.one.systemd.calls, ['disable a b'])
        self.assertEqual((self.one.systemd.enabled, self.one.systemd.nodes), (set(), {}))
        self.assertIn('Their registrations and their history of jobs and conflicts go', said)
        self.assertIn("host 'host-1' is gone from the project", said)
        self.assertIn("'sync_service' stays, without a password", said)
        self.assertEqual((intruder.is_in(), neighbour.is_in()), (False, True))
        self.assertEqual([self.server.superuser_psql(sql) for sql in (others, epoch)], before)
        self.assertEqual(self.two.as_agent('SELECT count(*) FROM sync_metadata.hosts'), '2')
        now = passwords(self.server)
        self.assertEqual((now['sync_service'], now['sync_service_host_2']), ('', known['sync_service_host_2']))
        self.assertEqual((self.two.tree(), self.two.systemd.calls), (tree, calls))
        for table in ('hosts', 'leader_election', 'cluster_logins', 'client_deployments', 'state_values', 'cache_events'):
            self.assertEqual(self.server.superuser_psql(f"SELECT count(*) FROM sync_metadata.{table} WHERE cluster_name = 'host-1'"), '0', table)
        self.assertEqual(self.server.superuser_psql("SELECT count(*) FROM client_acme_1._sync_tables"), '0', 'its copy is there')
        self.assertEqual(self.server.superuser_psql("SELECT has_schema_privilege('sync_service', 'client_acme_1', 'USAGE') OR "
                                                    "has_table_privilege('sync_service', 'client_acme_1._sync_state', 'SELECT')"), 'f')
        with self.assertRaises(PostgresError):
            run_psql(self.one.url(), 'SELECT 1')
        self.assertIn("there is no host 'host-1'", self.end(*self.sure, expect=1))
        self.assertEqual(self.one.systemd.calls, [])

    def test_7_it_can_come_back(self) -> None:
        self.assertIn("login role 'sync_service'", self.one.deploy('--yes'))
        self.assertEqual(self.one.as_agent('SELECT sync_metadata.caller_cluster(), count(*) FROM sync_metadata.client_deployments'), 'host-1|0')

    def test_8_a_further_hosts_role_is_dropped(self) -> None:
        document = self.two.ctl('deregister', 'host-2', '--root', str(self.two.root), '--programs', str(self.two.programs), '--admin-url-file', self.two.admin, '--stop-units',
                                '--yes', '--confirm', 'host-2', '--json')
        self.assertEqual(judge(document, 'deregister'), [])
        self.assertTrue(json.loads(document)['role_dropped'])
        self.assertNotIn('sync_service_host_2', passwords(self.server))
        self.assertEqual(self.one.as_agent('SELECT sync_metadata.caller_cluster()'), 'host-1')


if __name__ == '__main__':
    unittest.main(verbosity=2)
