"""
SQLite + Supabase Sync System - Commands

Every command as an operator types it, against a private PostgreSQL and a real file: exit codes, what is said and where, and
each JSON document by its schema.
"""

import json
import os
import pty
import select
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Dict, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cli.documents import judge  # noqa: E402
from support.private_postgres import PrivatePostgres, run_psql  # noqa: E402

BINARIES = Path(os.environ.get('SYNC_NODE_BIN', Path(__file__).resolve().parents[2] / 'build/bin'))
SECONDS = 120


class Commands(unittest.TestCase):
    """Tests run in the order of their names on one server: registering comes before syncing."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = PrivatePostgres()
        cls.addClassCleanup(cls.server.stop)
        directory = tempfile.TemporaryDirectory(prefix='sync-node-cli.')
        cls.addClassCleanup(directory.cleanup)
        cls.directory = Path(directory.name)
        cls.directory.chmod(0o755)
        cls.admin = cls.directory / 'admin-url'
        cls.admin.touch(mode=0o600)
        cls.admin.write_text(cls.server.admin_url() + '\n')
        (cls.directory / 'source').mkdir()
        cls.database = cls.directory / 'source' / 'webui.db'
        with sqlite3.connect(cls.database) as source:
            source.execute('CREATE TABLE chat (id TEXT PRIMARY KEY, title TEXT)')
            source.executemany('INSERT INTO chat VALUES (?, ?)', [(f'c{n}', 'a title') for n in range(300)])
            source.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT)")
            source.execute("INSERT INTO note VALUES (1, 'kept')")
        source.close()

    def environment(self, **more: str) -> Dict[str, str]:
        known = ('DATABASE_URL', 'SUPABASE_URL', 'CLUSTER_NAME', 'HOST_NAME', 'CLIENT_NAME', 'CONTAINER_NAME', 'ROLE')
        kept = {key: value for key, value in os.environ.items() if key not in known}
        return {**kept, 'DATABASE_URL': self.server.url('sync_service', 'secret-word'), 'CLUSTER_NAME': 'host-1',
                'STATE_DIRECTORY': str(self.directory / 'state'), 'BUS_ADDRESS': 'none', 'API_PORT': '0', **more}

    def run_it(self, *words: str, expect: int, env: Optional[Dict[str, str]] = None,
               stdin: str = '') -> 'subprocess.CompletedProcess[str]':
        done = subprocess.run([str(BINARIES / words[0]), *words[1:]], env=env or self.environment(), input=stdin,
                              capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual(done.returncode, expect, f'{words}: {done.stdout}{done.stderr}')
        self.assertNotIn('secret-word', done.stdout + done.stderr)
        return done

    def ctl(self, *words: str, expect: int = 0, env: Optional[Dict[str, str]] = None,
            stdin: str = '') -> 'subprocess.CompletedProcess[str]':
        return self.run_it('sync-nodectl', *words, expect=expect, env=env, stdin=stdin)

    def document(self, command: str, *arguments: str, expect: int = 0) -> None:
        self.assertEqual(judge(self.ctl(*command.split(), *arguments, '--json', expect=expect).stdout, command), [])

    def test_01_schema_apply_tells_what_it_did(self) -> None:
        first = self.ctl('schema', 'apply', '--admin-url-file', str(self.admin))
        self.assertIn('01-init-sync-schema  applied', first.stdout)
        again = self.ctl('schema', 'apply', '--admin-url-file', '-', stdin=self.server.admin_url())
        self.assertIn('was there already', again.stdout)
        self.document('schema apply', '--admin-url-file', str(self.admin))
        self.server.psql("ALTER ROLE sync_service PASSWORD 'secret-word'")

    def test_02_a_password_on_the_command_line_is_refused(self) -> None:
        refused = self.ctl('schema', 'apply', '--admin-url', self.server.admin_url(), expect=64)
        self.assertIn('--admin-url-file', refused.stderr)
        self.assertNotIn(self.server.admin_password, refused.stderr)

    def test_03_wrong_command_lines_are_explained(self) -> None:
        self.assertIn("did you mean 'sync-nodectl verify'", self.ctl('verfy', expect=64).stderr)
        self.assertIn('NAME is required', self.ctl('sync', expect=64).stderr)
        self.assertIn('client name', self.ctl('sync', 'a/b', expect=64).stderr)
        self.ctl('client', expect=64)
        self.assertLess(self.ctl('--help').stdout.count('\n'), 24)

    def test_04_wrong_settings_are_listed_at_once(self) -> None:
        refused = self.ctl('check-config', expect=78, env=self.environment(API_PORT='x', LEASE_DURATION='30', ROLE='node-a'))
        self.assertIn('2 problems', refused.stderr)
        self.assertEqual(judge(self.ctl('check-config', '--json', expect=78).stderr, 'error'), [])
        self.document('check-config', '--node', 'a')
        self.document('version')

    def test_05_register(self) -> None:
        file = ('--sqlite-path', str(self.database), '--admin-url-file', str(self.admin))
        self.ctl('client', 'register', 'acme', '--sqlite-path', '/nowhere/webui.db', '--admin-url-file', str(self.admin), expect=1)
        self.ctl('client', 'register', 'acme', '--admin-url-file', str(self.admin), expect=64)
        self.document('client register', 'acme', *file)
        self.assertIn('acme', self.ctl('client', 'register', 'ACME', *file, expect=1).stderr)
        other = self.ctl('client', 'register', 'other', *file, '--login', 'postgres', expect=1)
        self.assertIn("belongs to login role 'sync_service'", other.stderr)
        count = self.server.psql('SELECT count(*) FROM sync_metadata.client_deployments')
        self.assertEqual(count, '1', 'a refused registration leaves nothing')

    def test_06_list_and_show_before_the_first_sync(self) -> None:
        self.assertIn('acme', self.ctl('client', 'list').stdout)
        self.document('client list')
        self.document('client show', 'acme')
        self.ctl('client', 'show', 'nobody', expect=4)
        self.ctl('client', 'pause', 'nobody', expect=4)
        self.ctl('sync', 'nobody', expect=4)
        self.ctl('client', 'list', expect=1, env=self.environment(DATABASE_URL='postgresql://sync_service:no@127.0.0.1:1/x'))

    def test_07_sync_and_verify(self) -> None:
        self.document('sync', 'acme')
        self.assertIn('acme: unchanged', self.ctl('sync', 'acme').stdout)
        self.document('verify', 'acme')
        self.assertIn('the copy is equal to the source', self.ctl('verify', 'acme').stdout)
        run_psql(self.server.url('sync_service', 'secret-word'), "UPDATE client_acme.note SET body = 'forged'")
        self.assertIn('DIFFERS', self.ctl('verify', 'acme', expect=1).stdout)
        self.document('verify', 'acme', expect=1)
        self.ctl('sync', 'acme', '--full')
        self.document('verify', 'acme')

    def test_08_another_cluster_is_refused(self) -> None:
        refused = self.ctl('sync', 'acme', expect=1, env=self.environment(CLUSTER_NAME='host-2'))
        self.assertIn("belongs to cluster 'host-1'", refused.stderr)

    def test_09_held_deletes_wait_for_a_person(self) -> None:
        with sqlite3.connect(self.database) as source:
            source.execute('DELETE FROM chat')
        source.close()
        held = self.ctl('sync', 'acme', expect=2)
        self.assertIn('sync-nodectl held list acme', held.stdout)
        self.document('held list', 'acme')
        self.ctl('held', 'release', 'acme', 'note', '--yes', expect=4)
        self.ctl('held', 'release', 'acme', expect=64)
        self.ctl('held', 'release', 'acme', '--dry-run')
        self.assertIn('waiting', self.ctl('held', 'list').stdout)
        self.run_it('sync-client-to-supabase', 'acme', expect=2)
        self.ctl('held', 'release', 'acme', '--yes')
        self.ctl('sync', 'acme')
        self.assertEqual(self.server.superuser_psql('SELECT count(*) FROM client_acme.chat'), '0')
        self.document('client show', 'acme')

    def test_10_the_oneshot_keeps_the_reference_s_form(self) -> None:
        done = self.run_it('sync-client-to-supabase', expect=0, env=self.environment(CLIENT_NAME='acme'))
        self.assertRegex(done.stdout, r'^\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00\] INFO: starting sync for acme\n')
        self.assertEqual(done.stderr, '')
        failed = self.run_it('sync-client-to-supabase', 'nobody', expect=1)
        self.assertRegex(failed.stderr, r"^\[.*\] ERROR: there is no client 'nobody'")
        self.run_it('sync-client-to-supabase', expect=1)
        self.run_it('sync-client-to-supabase', '--fast', expect=1)

    def test_11_a_terminal_sees_progress_that_vanishes(self) -> None:
        leader, follower = pty.openpty()
        running = subprocess.Popen([str(BINARIES / 'sync-nodectl'), 'sync', 'acme'], env=self.environment(TERM='xterm'),
                                   stdout=subprocess.PIPE, stderr=follower, text=True)
        os.close(follower)
        output, _ = running.communicate(timeout=SECONDS)
        shown = b''
        while select.select([leader], [], [], 0)[0]:
            try:
                shown += os.read(leader, 4096)
            except OSError:
                break
        os.close(leader)
        self.assertEqual(running.returncode, 0)
        self.assertIn(b'\r\x1b[K', shown)
        self.assertTrue(shown.endswith(b'\r\x1b[K'), shown)
        self.assertNotIn('\x1b', output)

    def test_12_a_node_syncs_what_is_due_and_stops_when_told(self) -> None:
        self.ctl('client', 'resume', 'acme')
        self.server.superuser_psql('UPDATE sync_metadata.client_deployments SET sync_interval = 1')
        node = subprocess.Popen([str(BINARIES / 'sync-node'), '--node', 'b'], env=self.environment(LOG_LEVEL='DEBUG'), text=True,
                                stderr=subprocess.PIPE)
        try:
            assert node.stderr is not None
            lines = []
            while not any("client 'acme': unchanged" in line for line in lines):
                lines.append(node.stderr.readline())
                assert lines[-1], lines
            node.terminate()
            rest = node.stderr.read()
            self.assertEqual(node.wait(timeout=SECONDS), 0)
        finally:
            node.kill()
            node.wait()
            node.stderr.close()
        self.assertIn("node-b of cluster 'host-1' started", ''.join(lines))
        self.assertIn('openwebui-sync-node-b stopped', rest)
        free = self.server.superuser_psql('SELECT expires_at < now() FROM sync_metadata.leader_election')
        self.assertEqual(free, 't', 'the lease was given back')

    def test_13_a_node_without_its_database_waits(self) -> None:
        env = self.environment(DATABASE_URL='postgresql://sync_service:no@127.0.0.1:1/x', LOG_FORMAT='json')
        node = subprocess.Popen([str(BINARIES / 'sync-node'), '--node', 'a'], env=env, text=True, stderr=subprocess.PIPE)
        try:
            assert node.stderr is not None
            while 'the database cannot be used' not in (line := node.stderr.readline()):
                self.assertTrue(line)
            self.assertIsNone(node.poll())
            node.terminate()
            self.assertEqual(node.wait(timeout=SECONDS), 0)
        finally:
            node.kill()
            node.wait()
            node.stderr.close()

    def test_14_a_report_names_rows_within_bounds(self) -> None:
        """100 of a table, 256 KiB over all tables; the counts are whole."""
        path = self.directory / 'source' / 'large.db'
        with sqlite3.connect(path) as source:
            for number in range(6):
                source.execute(f'CREATE TABLE page{number} (id TEXT PRIMARY KEY, body TEXT)')
                source.executemany(f'INSERT INTO page{number} VALUES (?, ?)', [(f'{row:03}' + 'é' * 240, 'text') for row in range(150)])
        source.close()
        self.ctl('client', 'register', 'large', '--sqlite-path', str(path), '--admin-url-file', str(self.admin))
        self.ctl('sync', 'large')
        run_psql(self.server.url('sync_service', 'secret-word'), ';'.join(f"UPDATE client_large.page{number} SET body = 'forged'" for number in range(6)))
        tables = json.loads(self.ctl('verify', 'large', '--json', expect=1).stdout)['tables']
        self.assertEqual([table['rows_differing'] for table in tables], [150] * 6)
        named = [len(table['differing']) for table in tables]
        self.assertEqual((named[0], 0 < named[-1] < 100), (100, True), named)
        names = [name for table in tables for name in table['differing']]
        self.assertLessEqual(sum(len(name.encode()) for name in names), 256 * 1024)
        self.assertRegex(names[0], r"^page0 id='\d{3}é{240}': differs$")
        kept = self.server.superuser_psql("SELECT status, sync_type, length(report::text) > 100000 FROM sync_metadata.sync_jobs "
                                          "ORDER BY started_at DESC LIMIT 1")
        self.assertEqual(kept, 'differs|verify|t', 'a verify without nodes is a job like any other')


if __name__ == '__main__':
    unittest.main(verbosity=1)
