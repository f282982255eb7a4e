"""
SQLite + Supabase Sync System - Clients Under Running Nodes

What `sync-nodectl client …` changes reaches the leader at once: a new interval, the end of a client, a container that was
recreated with another volume. Against two real nodes on a private D-Bus.
"""

import json
import os
import sqlite3
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any, Dict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cli.documents import judge  # noqa: E402
from support.docker_engine import FakeDocker, volume  # noqa: E402
from support.nodes import Node, PrivateBus, leader_of, until  # noqa: E402
from support.product import BINARIES, Product  # noqa: E402

SCRIPT = Path(__file__).resolve().parents[2] / 'etc/bash-completion/sync-nodectl'
SECONDS = 60


class ClientNodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.product = Product('host-1')
        cls.addClassCleanup(cls.product.stop)
        cls.bus = PrivateBus()
        cls.addClassCleanup(cls.bus.stop)
        cls.docker = FakeDocker(cls.product.directory)
        cls.addClassCleanup(cls.docker.stop)
        cls.mounts = cls.product.directory / 'inspect' / 'mounts.json'
        cls.mounts.parent.mkdir()
        cls.nodes = {letter: Node(cls.product, letter, cls.bus, LEASE_DURATION='10', HEARTBEAT_INTERVAL='3', LOG_LEVEL='DEBUG',
                                  CONTAINER_MOUNTS_FILE=str(cls.mounts)) for letter in 'ab'}
        for node in cls.nodes.values():
            cls.addClassCleanup(node.clean)
            node.start()

    def setUp(self) -> None:
        self.folder = self.product.directory / self._testMethodName
        self.folder.mkdir()
        self.volume_of: Dict[str, str] = {}
        if self.mounts.exists():
            self.mounts.unlink()

    # --- helpers ---------------------------------------------------------------------------------------
    def ctl(self, *words: str, expect: int = 0) -> str:
        ran = self.product.run('sync-nodectl', *words, env=self.environment())
        self.assertEqual(ran.code, expect, f'{words}: {ran.output}')
        return ran.output

    def environment(self) -> Dict[str, str]:
        return {**self.product.environment(), 'BUS_ADDRESS': self.bus.address}

    def admin(self, *words: str, expect: int = 0) -> str:
        return self.ctl('client', *words, '--admin-url-file', str(self.product.admin_file), expect=expect)

    def leader(self) -> Node:
        return self.nodes[until('a node leads', 30, lambda: leader_of(self.product))[-1]]

    def volume(self, name: str, rows: int = 3) -> str:
        return volume(self.folder, name, rows)

    def registered(self, name: str) -> None:
        self.volume_of[name] = self.volume(name, 3)
        self.docker.run(f'openwebui-{name}', self.volume_of[name])
        self.register(name)

    def register(self, name: str, *words: str) -> None:
        self.admin('register', name, '--container', f'openwebui-{name}', '--docker-socket', str(self.docker.path), *words)

    def inspect(self) -> Any:
        text = self.ctl('client', 'inspect', '--docker-socket', str(self.docker.path), '--write', str(self.mounts), '--json')
        self.assertEqual(judge(text, 'client inspect'), [])
        return json.loads(text)

    def jobs(self, name: str) -> int:
        return int(self.product.psql(f"SELECT count(*) FROM sync_metadata.sync_jobs WHERE client_name = '{name}'"))

    def jobs_beside_writes(self, name: str) -> int:
        """A client that does not change is not run: so it changes whenever it is looked at."""
        source = sqlite3.connect(Path(self.volume_of[name]) / 'webui.db')
        source.execute("UPDATE chat SET title = title || '.' WHERE id = 'c0'")
        source.commit()
        source.close()
        return self.jobs(name)

    def client(self, name: str) -> Dict[str, Any]:
        clients = json.loads(self.product.run('sync-nodectl', 'status', '--json', env=self.environment()).output)['clients'] or []
        return next((client for client in clients if client['client_name'] == name), {})

    def chat(self, name: str) -> str:
        return self.product.psql(f'SELECT count(*), min(title) FROM client_{name}.chat')

    # --- tests -----------------------------------------------------------------------------------------
    def test_a_new_interval_counts_at_once(self) -> None:
        self.registered('timed')
        self.ctl('client', 'set-interval', 'timed', '86400')
        self.ctl('client', 'resume', 'timed')
        until('the first sync', 20, lambda: self.jobs('timed') == 1)
        without_database = {key: value for key, value in self.environment().items() if key not in ('DATABASE_URL', 'CLUSTER_NAME')}
        said = self.product.run('sync-nodectl', 'client', 'set-interval', 'timed', '1', env=without_database)
        self.assertEqual(said.code, 0, said.output)
        until('it is synced every second', 20, lambda: self.jobs_beside_writes('timed') >= 4)
        self.assertEqual(self.client('timed')['sync_interval_seconds'], 1)
        follower = self.nodes['b' if self.leader().letter == 'a' else 'a']
        self.ctl('client', 'set-interval', 'timed', '3600', '--node', follower.letter)  # which asks the leader
        self.assertEqual(self.client('timed')['sync_interval_seconds'], 3600)
        token = self.product.directory / 'token-of-ours'
        token.touch(mode=0o600)
        token.write_text((self.product.directory / 'api-token').read_text())
        self.ctl('client', 'set-interval', 'timed', '7200', '--remote', f'http://127.0.0.1:{self.leader().api_port()}', '--token-file', str(token))
        self.assertEqual(self.client('timed')['sync_interval_seconds'], 7200)
        self.ctl('client', 'set-interval', 'nobody', '5', expect=4)
        self.ctl('client', 'pause', 'timed')

    def test_a_deregistered_client_is_left_alone_at_once(self) -> None:
        self.registered('leaver')
        self.ctl('client', 'set-interval', 'leaver', '1')
        self.ctl('client', 'resume', 'leaver')
        until('it is synced every second', 20, lambda: self.jobs_beside_writes('leaver') >= 3)
        self.ctl('client', 'pause', 'leaver')
        until('no job runs', 20, lambda: self.product.psql("SELECT count(*) FROM sync_metadata.sync_jobs WHERE status = 'running'") == '0')
        self.ctl('client', 'resume', 'leaver')
        ran = self.product.run('sync-nodectl', 'client', 'deregister', 'leaver', '--yes', '--admin-url-file', str(self.product.admin_file))
        if ran.code != 0:  # it came into the moment in which a sync ran, as it may
            self.assertIn("is being synced by job", ran.output)
            self.assertIn('sync-nodectl client pause leaver', ran.output)
            self.ctl('client', 'pause', 'leaver')
            until('no job runs', 20, lambda: self.product.psql("SELECT count(*) FROM sync_metadata.sync_jobs WHERE status = 'running'") == '0')
            self.admin('deregister', 'leaver', '--yes')
        until('the leader knows', 20, lambda: not self.client('leaver'))
        late = self.product.psql("SELECT count(*) FROM sync_metadata.sync_jobs j JOIN sync_metadata.client_deployments d USING (deployment_id) "
                                 "WHERE d.client_name = 'leaver' AND j.status = 'success' AND j.completed_at > d.deregistered_at")
        self.assertEqual(late, '0')
        self.assertIn("there is no client 'leaver'", self.ctl('sync', 'leaver', expect=4))
        self.admin('deregister', 'leaver', '--drop-schema', '--yes')
        self.assertEqual(self.product.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'client_leaver'"), '0')
        self.assertNotIn('leaver', self.leader().http('GET', '/metrics').body)

    def test_a_running_job_refuses_the_end(self) -> None:
        self.registered('busy')
        self.ctl('sync', 'busy')
        source = sqlite3.connect(f'{self.folder}/busy/_data/webui.db')
        source.execute("INSERT INTO chat VALUES ('more', 'to ship')")
        source.commit()
        source.close()
        locker = subprocess.Popen(['psql', '-X', '-q', '-d', self.product.server.superuser_url()], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        assert locker.stdin is not None and locker.stdout is not None
        locker.stdin.write('BEGIN; LOCK TABLE client_busy._sync_state IN EXCLUSIVE MODE;\n\\echo locked\n')
        locker.stdin.flush()
        self.assertEqual(locker.stdout.readline().strip(), 'locked')
        running = subprocess.Popen([str(BINARIES / 'sync-nodectl'), 'sync', 'busy'], env=self.environment(), stdout=subprocess.DEVNULL)
        try:
            job = until('the job runs', 20, lambda: self.product.psql("SELECT job_id FROM sync_metadata.sync_jobs WHERE status = 'running'"))
            for words in (('--yes',), ('--drop-schema', '--yes'), ('--dry-run',)):
                self.assertIn(f"client 'busy' is being synced by job {job}", self.admin('deregister', 'busy', *words, expect=1))
            self.assertEqual(self.product.psql("SELECT status FROM sync_metadata.client_deployments WHERE client_name = 'busy'"), 'active')
        finally:
            locker.stdin.write('ROLLBACK;\n')
            locker.communicate()
        self.assertEqual(running.wait(SECONDS), 0)
        self.admin('deregister', 'busy', '--drop-schema', '--yes')

    def test_a_container_with_another_volume_is_not_synced(self) -> None:
        self.registered('moved')
        self.docker.run('openwebui-bare', None)
        found = self.inspect()
        self.assertEqual(os.stat(self.mounts).st_mode & 0o7777, 0o644)
        self.assertNotIn('do-not-tell', self.mounts.read_text())
        paths = {one['container_name']: one['sqlite_path'] for one in found['containers']}
        self.assertEqual((paths['openwebui-moved'], paths['openwebui-bare']), (f'{self.folder}/moved/_data/webui.db', None))
        self.ctl('sync', 'moved')
        self.assertEqual(self.chat('moved'), '3|moved')

        self.docker.run('openwebui-moved', self.volume('fresh', 5))
        self.inspect()
        said = self.ctl('sync', 'moved', expect=1)
        self.assertIn(f"container 'openwebui-moved' keeps its database at '{self.folder}/fresh/_data/webui.db' now", said)
        self.assertIn('sudo sync-nodectl client register moved --container openwebui-moved', said)
        self.assertEqual(self.chat('moved'), '3|moved', 'neither file was synced')
        client = self.client('moved')
        self.assertEqual(client['state'], 'failing')
        self.assertIn('recreated with another volume', client['last_job_error'])
        self.assertIn('if that is right', client['last_job_error'])
        self.ctl('client', 'resume', 'moved')
        health = until('health says so', 20, lambda: [reason for reason in self.leader().health()['reasons'] if 'another volume' in reason])
        self.assertIn("the container of client 'moved' was recreated", health[0])
        self.assertIn('recreated with another volume', self.leader().text())
        self.assertIn('recreated with another volume', self.one_shot())

        # Old news, or none: as before, and it says so.
        document = json.loads(self.mounts.read_text())
        self.mounts.write_text(json.dumps({**document, 'boottime_seconds': document['boottime_seconds'] - 3600}))
        self.ctl('sync', 'moved')
        self.assertIn('will not be noticed', self.leader().text())
        self.assertIn('is old: nobody has looked at the containers', self.leader().text())
        self.assertEqual(self.chat('moved'), '3|moved')
        self.mounts.unlink()
        self.ctl('sync', 'moved')
        self.assertIn('systemctl enable --now sync-node-inspect.timer', self.leader().text())

        self.inspect()
        self.ctl('sync', 'moved', expect=1)
        self.register('moved', '--yes')
        until('the new file is synced by itself', 20, lambda: self.chat('moved') == '5|fresh')
        until('it is fine again', 20, lambda: self.client('moved').get('state') == 'fine')
        self.assertEqual([reason for reason in self.leader().health()['reasons'] if 'another volume' in reason], [])
        self.ctl('client', 'pause', 'moved')

    def test_a_link_in_place_of_the_file_is_not_followed(self) -> None:
        self.registered('linked')
        self.ctl('sync', 'linked')
        file = self.folder / 'linked' / '_data' / 'webui.db'
        file.unlink()
        file.symlink_to(f"../../{Path(self.volume('theirs', 5)).parent.name}/_data/webui.db")
        self.assertIn('a link was put in its way', self.ctl('sync', 'linked', expect=1))
        self.assertEqual(self.chat('linked'), '3|linked')
        self.inspect()
        said = self.ctl('sync', 'linked', expect=1)
        self.assertIn(f"'{file}' is not seen to be the database of container 'openwebui-linked'", said)
        self.assertIn('that leads out of its mount', said)
        self.assertEqual(self.chat('linked'), '3|linked')

    def one_shot(self) -> str:
        """Without a node it would take the lease; it looks before that."""
        ran = self.product.run('sync-client-to-supabase', 'moved', env={**self.environment(), 'BUS_ADDRESS': 'none', 'CONTAINER_NAME': '',
                                                                        'CONTAINER_MOUNTS_FILE': str(self.mounts)})
        self.assertEqual(ran.code, 1)
        return ran.output

    def test_names_are_completed(self) -> None:
        self.registered('acme')
        self.registered('acorn')
        for words, found in ((['client', 'pause', 'ac'], ['acme', 'acorn']), (['client', 'set-interval', 'aco'], ['acorn']),
                             (['conflicts', 'resolve', 'source', '--client', 'acm'], ['acme']), (['client', 'pause', 'acme', ''], [])):
            self.assertEqual(self.completed(words), found, words)

    def completed(self, words: Any) -> Any:
        script = ('source "$1"; shift; _sync_nodectl_patience=20; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sync_nodectl; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(['bash', '-c', script, 'bash', str(SCRIPT), str(BINARIES / 'sync-nodectl'), *words], env=self.environment(),
                              capture_output=True, text=True, timeout=SECONDS)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return sorted(done.stdout.split())


if __name__ == '__main__':
    unittest.main(verbosity=1)
