"""
SQLite + Supabase Sync System - Commands That Ask Nodes

status, leader, step-down, jobs, sync, verify, client pause and resume, and the one-shot, against two real nodes on a private D-Bus and
over HTTP: exit codes, what is said, and each JSON document by its schema.
"""

import contextlib
import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any, Dict, Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cli.documents import judge  # noqa: E402
from support.nodes import Node, PrivateBus, leader_of, until  # noqa: E402
from support.product import BINARIES, Product, Ran  # noqa: E402

SECONDS = 60


class NodesCommands(unittest.TestCase):
    """Tests run in the order of their names on one host: the nodes start in the second one."""

    alone: Dict[str, Any]  # the document of a verify without nodes

    @classmethod
    def setUpClass(cls) -> None:
        cls.product = Product('host-1')
        cls.addClassCleanup(cls.product.stop)
        cls.bus = PrivateBus()
        cls.addClassCleanup(cls.bus.stop)
        cls.nodes = {letter: Node(cls.product, letter, cls.bus, LEASE_DURATION='10', HEARTBEAT_INTERVAL='3') for letter in 'ab'}
        for node in cls.nodes.values():
            cls.addClassCleanup(node.clean)
        folder = cls.product.directory / 'source'
        folder.mkdir()
        cls.path = str(folder / 'webui.db')
        source = sqlite3.connect(cls.path)
        source.execute('CREATE TABLE chat (id TEXT PRIMARY KEY, title TEXT)')
        source.executemany('INSERT INTO chat VALUES (?, ?)', [(f'c{n}', 'a title') for n in range(300)])
        source.commit()
        source.close()
        cls.product.register('acme', cls.path)

    # --- running commands --------------------------------------------------------------------------
    def environment(self, **more: str) -> Dict[str, str]:
        return {**self.product.environment(), 'BUS_ADDRESS': self.bus.address, **more}

    def without_database(self) -> Dict[str, str]:
        return {key: value for key, value in self.environment().items() if key not in ('DATABASE_URL', 'CLUSTER_NAME')}

    def program(self, name: str, *words: str, expect: int, **more: Any) -> Ran:
        ran = self.product.run(name, *words, env=more.get('env') or self.environment())
        self.assertEqual(ran.code, expect, f'{name} {words}: {ran.output}')
        return ran

    def ctl(self, *words: str, expect: int = 0, **more: Any) -> str:
        return self.program('sync-nodectl', *words, expect=expect, **more).output

    def document(self, command: str, *arguments: str, expect: int = 0) -> Any:
        text = self.ctl(*command.split(), *arguments, '--json', expect=expect)
        self.assertEqual(judge(text, command), [], text)
        return json.loads(text)

    def leader(self) -> Node:
        return self.nodes[until('a node leads', 30, lambda: leader_of(self.product))[-1]]

    def other(self) -> Node:
        return self.nodes['b' if self.leader().letter == 'a' else 'a']

    def write(self, sql: str) -> None:
        source = sqlite3.connect(self.path)
        source.execute(sql)
        source.commit()
        source.close()

    def start(self, *words: str) -> 'subprocess.Popen[str]':
        return subprocess.Popen([str(BINARIES / 'sync-nodectl'), *words], env=self.environment(), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @contextlib.contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Nobody else may even read the table while the body runs."""
        locker = subprocess.Popen(['psql', '-X', '-q', '-d', self.product.server.superuser_url()], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        assert locker.stdin is not None and locker.stdout is not None
        locker.stdin.write(f'BEGIN; LOCK TABLE client_acme.{table} IN ACCESS EXCLUSIVE MODE;\n\\echo locked\n')
        locker.stdin.flush()
        self.assertEqual(locker.stdout.readline().strip(), 'locked')
        try:
            yield
        finally:
            locker.stdin.write('ROLLBACK;\n')
            locker.communicate()

    def running_job(self) -> str:
        return str(until('the job runs', 20, lambda: self.product.psql("SELECT job_id FROM sync_metadata.sync_jobs WHERE status = 'running'")))

    def comparing_job(self) -> str:
        """Of a verify that waits for the lock of the table it wants to read back."""
        until('the copy to be read', 20, lambda: self.product.server.superuser_psql('SELECT count(*) FROM pg_locks WHERE NOT granted') != '0')
        return self.running_job()

    # --- tests -----------------------------------------------------------------------------------------
    def test_01_nobody_answers(self) -> None:
        for command in ('status', 'leader', 'jobs', 'step-down'):
            said = self.ctl(command, expect=1, env=self.without_database())
            self.assertIn('no node answers on this host', said)
            self.assertIn('systemctl start sync-node@a sync-node@b', said)
        self.assertIn('node a does not answer', self.ctl('status', '--node', 'a', expect=1))
        self.assertIn('--remote', self.ctl('status', expect=1, env=self.environment(BUS_ADDRESS='none')))
        self.assertIn('look whether the node runs', self.ctl('status', '--remote', 'http://127.0.0.1:1', expect=1))
        self.ctl('status', '--remote', 'nonsense', expect=64)
        self.ctl('status', '--remote', 'http://127.0.0.1:1', '--node', 'a', expect=64)
        self.ctl('sync', 'acme')  # takes the lease itself
        type(self).alone = self.document('verify', 'acme')  # so does this
        self.assertTrue(self.alone['equal'])
        self.ctl('client', 'pause', 'acme')
        self.assertEqual(self.product.psql('SELECT status FROM sync_metadata.client_deployments'), 'paused')

    def test_02_one_node_is_not_enough(self) -> None:
        self.nodes['a'].start()
        self.leader()
        page = self.ctl('status', expect=2)
        self.assertRegex(page, r'cluster host-1 is degraded: node-a leads')
        self.assertRegex(page, r'node-b +no answer +never seen')
        self.assertIn('next: systemctl start sync-node@b', page)

    def test_03_both_nodes(self) -> None:
        self.nodes['b'].start()
        until('all is well', 20, lambda: self.product.run('sync-nodectl', 'status', env=self.environment()).code == 0)
        page = self.ctl('status', env=self.without_database())
        self.assertRegex(page, r'node-a +healthy +leader')
        self.assertRegex(page, r'node-b +healthy +standby')
        self.assertIn('next: sync-nodectl client resume acme', page)
        document = self.document('status')
        self.assertEqual([node['is_leader'] for node in document['nodes']], [True, False])
        self.assertEqual(self.document('leader')['leader_id'], 'openwebui-sync-node-a')
        for letter in 'ab':
            self.assertIn('openwebui-sync-node-a leads host-1', self.ctl('leader', '--node', letter))
            self.assertEqual(len(self.document('status', '--node', letter)['nodes']), 1)

    def test_04_resume_and_pause_through_the_leader(self) -> None:
        self.ctl('client', 'resume', 'acme', env=self.without_database())
        self.assertEqual(self.product.psql('SELECT status, sync_enabled FROM sync_metadata.client_deployments'), 'active|t')
        self.assertIn('1 client: 1 fine', self.ctl('status'))
        self.ctl('client', 'pause', 'acme', env=self.without_database())
        self.assertEqual(self.product.psql('SELECT status, sync_enabled FROM sync_metadata.client_deployments'), 'paused|f')
        self.ctl('client', 'pause', 'nobody', expect=4)
        self.ctl('client', 'pause', 'acme', '--node', self.other().letter, expect=1)

    def test_05_sync_through_the_leader(self) -> None:
        self.write("INSERT INTO chat VALUES ('new', 'hello')")
        done = self.document('sync', 'acme')
        self.assertEqual(done['tables'][0]['rows_inserted'], 1)
        self.assertEqual(self.product.psql("SELECT title FROM client_acme.chat WHERE id = 'new'"), 'hello')
        self.assertIn('acme: incremental', self.ctl('sync', 'acme', env=self.without_database()))
        self.ctl('sync', 'acme', '--full')
        self.ctl('sync', 'nobody', expect=4)
        self.ctl('sync', 'acme', '--node', self.other().letter, expect=1)
        by = self.product.psql('SELECT DISTINCT triggered_by FROM sync_metadata.sync_jobs WHERE job_id = ' f"'{done['job_id']}'")
        self.assertIn('over D-Bus', by)

    def test_05_verify_through_the_leader(self) -> None:
        document = self.document('verify', 'acme')
        self.assertTrue(document['equal'])
        self.assertEqual(list(document), list(self.alone), 'the document of a verify without nodes')
        self.assertEqual(list(document['tables'][0]), list(self.alone['tables'][0]))
        self.assertIn('acme: the copy is equal to the source', self.ctl('verify', 'acme', env=self.without_database()))
        self.ctl('verify', 'nobody', expect=4)
        self.assertIn(f"'{self.leader().node_id}' does", self.ctl('verify', 'acme', '--node', self.other().letter, expect=1))
        self.ctl('verify', 'acme', '--node', 'a', '--sqlite-path', self.path, expect=64)
        self.assertIn('holds the lease', self.ctl('verify', 'acme', '--sqlite-path', self.path, expect=1))
        self.product.psql("UPDATE client_acme.chat SET title = 'forged' WHERE id = 'c7'")
        page = self.ctl('verify', 'acme', expect=1)
        self.assertIn("  chat id='c7': differs\n", page)
        self.assertIn('acme: the copy DIFFERS from the source in 1 tables', page)
        found = self.document('verify', 'acme', expect=1)
        self.assertEqual(found['tables'][0]['differing'], ["chat id='c7': differs"])
        job = self.document('jobs', 'acme', '--limit', '1')['jobs'][0]
        self.assertEqual((job['status'], job['sync_type'], job['report']), ('differs', 'verify', None))
        self.assertRegex(self.ctl('jobs', 'acme'), r'acme +differs +verify .* the copy differs from the source: 1 rows in 1 of 1 tables')
        shown = self.document('jobs show', job['job_id'])['job']['report']
        self.assertEqual({'version': 1, 'client_name': 'acme', **shown}, found)
        self.assertIn("chat id='c7': differs", self.ctl('jobs', 'show', job['job_id']))
        self.assertNotIn('failing', self.ctl('status'))
        self.ctl('sync', 'acme', '--full')
        self.ctl('verify', 'acme')

    def test_06_the_one_shot_asks_the_leader_too(self) -> None:
        done = self.program('sync-client-to-supabase', 'acme', expect=0)
        self.assertRegex(done.output, r'\] INFO: starting sync for acme\n.*\] INFO: the running leader does it as job [0-9a-f-]{36}\n')
        self.assertRegex(done.output, r'\] INFO: sync of acme succeeded\n$')
        self.program('sync-client-to-supabase', 'nobody', expect=1)
        # Of another cluster, a file of one's own, or no bus: the lease is taken, and the leader has it.
        for words, env in ((('--sqlite-path', self.path), self.environment()), ((), self.environment(BUS_ADDRESS='none'))):
            refused = self.program('sync-client-to-supabase', 'acme', *words, expect=1, env=env)
            self.assertIn('holds the lease', refused.output)

    def test_07_jobs(self) -> None:
        listed = self.document('jobs', 'acme', '--limit', '3')['jobs']
        self.assertEqual(len(listed), 3)
        self.document('jobs show', listed[0]['job_id'])
        self.assertIn(listed[0]['job_id'], self.ctl('jobs', 'show', listed[0]['job_id'][:13]))
        self.assertIn(listed[0]['job_id'][:8], self.ctl('jobs', '--node', self.other().letter))
        self.ctl('jobs', 'show', 'zzzz', expect=4)
        self.ctl('jobs', 'show', 'z', expect=64)
        self.ctl('jobs', 'show', expect=64)
        self.assertIn('is over', self.ctl('jobs', 'cancel', listed[0]['job_id'], expect=1))
        self.assertIn('no job of client', self.ctl('jobs', 'nobody'))

    def test_08_over_http(self) -> None:
        remote = ('--remote', f'http://127.0.0.1:{self.leader().api_port()}')
        open_to_all = self.ctl('status', *remote)
        self.assertIn('the clients are not known', open_to_all)
        self.assertIn('openwebui-sync-node-a leads', self.ctl('leader', *remote))
        self.ctl('jobs', *remote, expect=5)
        token = self.product.directory / 'token-of-ours'
        token.write_text((self.product.directory / 'api-token').read_text())
        token.chmod(0o600)
        allowed = (*remote, '--token-file', str(token))
        self.assertIn('1 client: 1 paused', self.ctl('status', *allowed))
        self.document('status', *allowed)
        self.document('jobs', *allowed)
        self.document('sync', 'acme', *allowed)
        self.assertEqual(list(self.document('verify', 'acme', *allowed)), list(self.alone))
        self.ctl('client', 'resume', 'acme', *allowed)
        self.ctl('client', 'pause', 'acme', *allowed)
        token.chmod(0o644)
        self.ctl('status', *allowed, expect=1)

    def test_09_ctrl_c_leaves_the_job_running(self) -> None:
        source = sqlite3.connect(self.path)
        source.execute("UPDATE chat SET title = title || '.' WHERE id = 'c0'")
        source.commit()
        source.close()
        with self.locked('chat'):  # which what changed is to be written to
            running = self.start('sync', 'acme')
            job = self.running_job()
            self.assertIn(f'running job {job[:8]} of acme', self.ctl('status'))
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=SECONDS)
            self.assertEqual(running.returncode, 1, said)
            self.assertIn(f'sync-nodectl jobs cancel {job} ends it', said)
            self.assertEqual(self.document('jobs show', job)['job']['status'], 'running')
            self.ctl('jobs', 'cancel', job[:8])
            until('it ends', 30, lambda: self.document('jobs show', job)['job']['status'] == 'cancelled')

    def test_09_verify_is_cancelled(self) -> None:
        with self.locked('chat'):
            running = self.start('verify', 'acme')
            job = self.comparing_job()
            self.ctl('jobs', 'cancel', job)
            _, said = running.communicate(timeout=SECONDS)
        self.assertEqual(running.returncode, 1, said)
        self.assertIn(f"job {job} of client 'acme' is cancelled", said)
        self.assertIsNone(self.document('jobs show', job)['job']['report'])
        with self.locked('chat'):  # its connection is cut: the node says over another one how the job ended
            running = self.start('verify', 'acme')
            job = self.comparing_job()
            self.product.server.superuser_psql("SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE NOT granted")
            _, said = running.communicate(timeout=SECONDS)
        self.assertEqual(running.returncode, 1, said)
        self.assertIn(f"job {job} of client 'acme' is failed", said)

    def test_10_held_deletes(self) -> None:
        self.write('DELETE FROM chat')
        self.assertIn('sync-nodectl held list acme', self.ctl('sync', 'acme', expect=2))
        self.program('sync-client-to-supabase', 'acme', expect=2)
        page = self.ctl('status', expect=2)
        self.assertIn('next: sync-nodectl held list acme', page)
        self.product.release_held()
        self.ctl('sync', 'acme')

    def test_11_step_down(self) -> None:
        self.assertIn('add --yes', self.ctl('step-down', expect=64))
        before, after = self.leader(), self.other()
        self.assertIn(f'{before.node_id} does', self.ctl('step-down', '--yes', '--node', after.letter, expect=1))
        self.assertRegex(self.ctl('step-down', '--yes'), rf'{after.node_id} leads host-1 now, epoch \d+, after [\d.]+ s')
        self.assertIs(self.leader(), after)

    def test_12_a_frozen_leader_does_not_hold_up_status(self) -> None:
        frozen, awake = self.leader(), self.other()
        frozen.signal(signal.SIGSTOP)
        try:
            page = self.ctl('status', expect=2)
        finally:
            frozen.signal(signal.SIGCONT)
        self.assertRegex(page, rf'node-{frozen.letter} +no answer')
        self.assertRegex(page, rf'node-{awake.letter} +\w+ +(standby|leader)')

    def test_13_the_leader_is_killed(self) -> None:
        killed, left = self.leader(), self.other()
        with self.locked('chat'):  # one verify runs, one waits
            cut_off = self.start('verify', 'acme')
            job = self.comparing_job()
            adopted = self.start('verify', 'acme')
            until('the other waits', 20, lambda: self.product.psql("SELECT 1 FROM sync_metadata.sync_jobs WHERE status = 'pending'"))
            killed.kill()
            until('the other leads', 30, lambda: leader_of(self.product) == left.node_id)
            _, said = cut_off.communicate(timeout=SECONDS)
        self.assertEqual(cut_off.returncode, 1, said)
        self.assertIn(f"job {job} of client 'acme' is failed: the node that ran this job ended", said)
        said, _ = adopted.communicate(timeout=SECONDS)
        self.assertEqual(adopted.returncode, 0, said)
        self.assertIn('acme: the copy is equal to the source', said)
        page = self.ctl('status', expect=2)
        self.assertRegex(page, rf'degraded: node-{left.letter} leads')
        self.assertRegex(page, rf'node-{killed.letter} +no answer +seen \d+ s ago')
        self.assertIn(f'next: systemctl start sync-node@{killed.letter}', page)
        self.ctl('sync', 'acme')

    def test_14_a_terminal_gets_colours_and_its_width(self) -> None:
        import pty
        leader, follower = pty.openpty()
        running = subprocess.Popen([str(BINARIES / 'sync-nodectl'), 'status'], env=self.environment(TERM='xterm'), stdout=follower,
                                   stderr=subprocess.DEVNULL)
        os.close(follower)
        running.wait(timeout=SECONDS)
        shown = b''
        while select.select([leader], [], [], 0)[0]:
            try:
                shown += os.read(leader, 65536)
            except OSError:
                break
        os.close(leader)
        self.assertIn(b'\x1b[33mdegraded\x1b[0m', shown)

    def test_15_a_client_registered_a_moment_ago_is_synced(self) -> None:
        folder = self.product.directory / 'late'
        folder.mkdir()
        source = sqlite3.connect(folder / 'webui.db')
        source.execute('CREATE TABLE note (id INTEGER PRIMARY KEY)')
        source.commit()
        source.close()
        self.product.register('late', str(folder / 'webui.db'))
        self.ctl('sync', 'late')


if __name__ == '__main__':
    unittest.main(verbosity=1)
