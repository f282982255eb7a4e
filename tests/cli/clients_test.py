"""
SQLite + Supabase Sync System - Clients Come And Go

`sync-nodectl client …` as an administrator types it, against a private PostgreSQL and an engine that answers as Docker does:
registering one and all, doing it again, intervals, and the end of a client, cut off at every one of its steps.
"""

import os
import pty
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cli.client_case import ClientCase  # noqa: E402
from support.product import BINARIES  # noqa: E402
from support.wire_proxy import WireProxy  # noqa: E402

SECONDS = 60


class Clients(ClientCase):
    # --- registering -----------------------------------------------------------------------------------
    def test_a_container_s_volume_is_found(self) -> None:
        self.docker.run('openwebui-acme', self.volume('acme'))
        said = self.register('acme', '--container', 'openwebui-acme', '--interval', '60')
        self.assertIn(f"client 'acme' is registered: {self.folder}/acme/_data/webui.db will be copied to schema client_acme", said)
        row = self.sql('SELECT container_name, sync_interval, sync_enabled FROM sync_metadata.client_deployments')
        self.assertEqual(row, 'openwebui-acme|60|f')
        self.ctl('sync', 'acme')
        self.assertEqual(self.product.psql('SELECT count(*) FROM client_acme.chat'), '3')
        self.assertEqual({line.split()[0] for line in self.docker.asked}, {'GET'})

    def test_a_bind_mount_and_one_further_up_will_do(self) -> None:
        self.docker.run('bound', self.volume('bound'), kind='bind')
        self.register('bound', '--container', 'bound')
        inside = self.folder / 'deep' / 'data'
        inside.mkdir(parents=True)
        shutil.copy(Path(self.volume('copied')) / 'webui.db', inside)
        self.docker.run('deep', str(self.folder / 'deep'), kind='bind', destination='/app/backend')
        self.register('deep', '--container', 'deep')
        self.assertEqual(self.path_of('deep'), str(inside / 'webui.db'))

    def test_what_cannot_be_copied_is_refused(self) -> None:
        self.docker.run('inside', None)
        self.assertIn('inside itself, not on a volume', self.register('inside', '--container', 'inside', expect=1))
        self.docker.run('single', self.volume('single') + '/webui.db', kind='bind', destination='/app/backend/data/webui.db')
        self.assertIn('its log lies inside the container', self.register('single', '--container', 'single', expect=1))
        self.docker.run('empty', str(self.folder / 'never' / '_data'))
        self.assertIn('No such file', self.register('empty', '--container', 'empty', expect=1))
        self.assertIn("no container 'nobody'", self.register('nobody', '--container', 'nobody', expect=1))
        self.register('a/b', '--container', 'inside', expect=64)
        self.register('x', expect=64)
        self.register('x', '--all', expect=64)
        self.assertEqual(self.everything(), '')

    def test_doing_it_again_changes_only_what_is_not_right(self) -> None:
        self.docker.run('openwebui-acme', self.volume('acme'))
        self.register('acme', '--container', 'openwebui-acme')
        self.ctl('client', 'set-interval', 'acme', '77')
        self.ctl('client', 'resume', 'acme')
        before = self.everything()
        self.assertIn('is registered so already', self.register('acme', '--container', 'openwebui-acme'))
        self.assertEqual(self.everything(), before)
        self.docker.run('openwebui-acme', self.volume('other'))
        refused = self.register('acme', '--container', 'openwebui-acme', expect=64)
        self.assertIn(f'database was {self.folder}/acme/_data/webui.db', refused)
        self.assertIn('--yes', refused)
        self.register('acme', '--container', 'openwebui-acme', '--dry-run')
        self.assertEqual(self.everything(), before)
        done = self.document('client register', 'acme', '--container', 'openwebui-acme', '--yes')
        self.assertEqual((done['action'], done['done']), ('change', True))
        self.assertEqual(self.path_of('acme'), f'{self.folder}/other/_data/webui.db')
        self.assertEqual(self.status('acme'), 'active|t|f', 'it is synced as before')
        self.assertEqual(self.sql('SELECT sync_interval FROM sync_metadata.client_deployments'), '77')

    def test_taken_names_are_refused_by_name(self) -> None:
        self.docker.run('openwebui-acme', self.volume('acme'))
        self.register('acme', '--container', 'openwebui-acme')
        self.assertIn("schema 'client_acme' belongs to client 'acme' of cluster 'host-1'",
                      self.register('ACME', '--sqlite-path', self.path_of('acme'), expect=1))
        self.assertIn("container 'openwebui-acme' belongs to client 'acme'", self.register('new', '--container', 'openwebui-acme', expect=1))
        self.product.server.create_cluster('host-2')
        self.assertIn("client 'acme' belongs to cluster 'host-1'",
                      self.register('acme', '--container', 'openwebui-acme', '--cluster', 'host-2', expect=1))

    # --- register --all --------------------------------------------------------------------------------
    def fleet(self) -> None:
        for name in ('alpha', 'beta', 'gamma'):
            self.docker.run(f'openwebui-{name}', self.volume(name))
        self.docker.links['openwebui-beta'] = ['/proxy/backend']
        self.docker.run('openwebui-inside', None)
        self.docker.run('openwebui-new', str(self.folder / 'new' / '_data'))
        self.docker.run('openwebui-a.b', self.volume('dotted'))
        self.docker.run('database', self.volume('database'), destination='/var/lib/data')
        self.register('beta', '--container', 'openwebui-beta')
        self.register('renamed', '--container', 'openwebui-gamma')
        self.docker.run('openwebui-ended', self.volume('ended'))
        self.register('ended', '--container', 'openwebui-ended')
        self.admin('deregister', 'ended', '--yes')

    def test_all_shows_the_plan_first(self) -> None:
        self.fleet()
        before = self.everything()
        plan = {'openwebui-alpha': 'register', 'openwebui-beta': 'none', 'openwebui-ended': 'none', 'openwebui-gamma': 'none',
                'openwebui-inside': 'refuse', 'openwebui-new': 'refuse', 'openwebui-a.b': 'refuse'}
        document = self.document('client register --all', '--all', '--dry-run', expect=2)
        self.assertEqual(self.actions(document), plan)
        self.assertEqual([client['done'] for client in document['clients']], [False] * 7)
        page = self.register('--all', expect=64)
        self.assertRegex(page, r'openwebui-alpha +alpha +/\S+/alpha/_data/webui.db +register\n')
        self.assertRegex(page, r'openwebui-gamma +renamed +\S+ +nothing, it is right\n')
        self.assertRegex(page, r'openwebui-ended +ended +\S+ +nothing, it was deregistered\n')
        self.assertRegex(page, r"openwebui-a\.b +a\.b +\S+ +refuse: 'a\.b' is not 1 to 56 letters")
        self.assertIn('--yes', page)
        self.assertEqual(self.everything(), before)
        self.assertNotIn('do-not-tell', page)
        said = self.register('--all', '--yes', '--interval', '120', expect=2)
        self.assertIn("client 'alpha' is registered", said)
        self.assertIn('sync-nodectl client register NAME --container openwebui-a.b', said)
        intervals = 'SELECT client_name, sync_interval FROM sync_metadata.client_deployments WHERE deregistered_at IS NULL ORDER BY 1'
        self.assertEqual(self.sql(intervals), 'alpha|120\nbeta|120\nrenamed|120')
        self.assertEqual(self.sql("SELECT count(*) FROM sync_metadata.client_deployments WHERE sync_enabled"), '0', 'registering starts nothing')
        for name in ('openwebui-inside', 'openwebui-new', 'openwebui-a.b'):
            self.docker.remove(name)
        before = self.everything()
        again = self.document('client register --all', '--all', '--yes')
        self.assertEqual(set(self.actions(again).values()), {'none'})
        self.assertIn('nothing, it is right', self.register('--all'), 'nothing to do needs no answer')
        self.assertEqual(self.everything(), before)

    def test_all_plans_one_client_per_schema(self) -> None:
        for number, name in enumerate(('a-b', 'a_b', 'Acme', 'acme', 'zeta')):
            self.docker.run(f'openwebui-{name}', self.volume(f'volume{number}'))
        self.register('acme', '--container', 'openwebui-acme')
        plan = {'openwebui-a-b': 'register', 'openwebui-a_b': 'refuse', 'openwebui-Acme': 'refuse', 'openwebui-acme': 'none',
                'openwebui-zeta': 'register'}
        document = self.document('client register --all', '--all', '--dry-run', expect=2)
        self.assertEqual(self.actions(document), plan)
        second = next(client for client in document['clients'] if client['container_name'] == 'openwebui-a_b')
        self.assertEqual(second['reason'], "schema 'client_a_b' goes to client 'a-b' of container 'openwebui-a-b'")
        said = self.register('--all', '--yes', expect=2)
        self.assertIn("client 'zeta' is registered", said)
        self.assertIn('sync-nodectl client register NAME --container openwebui-a_b', said)
        self.assertEqual(self.sql('SELECT client_name FROM sync_metadata.client_deployments ORDER BY 1').split(), ['a-b', 'acme', 'zeta'])

    def test_all_goes_on_after_one_that_fails(self) -> None:
        for name in ('alpha', 'beta', 'gamma'):
            self.docker.run(f'openwebui-{name}', self.volume(name))
        self.product.server.psql('CREATE SCHEMA client_beta')
        document = self.document('client register --all', '--all', '--yes', expect=2)
        self.assertEqual([(client['action'], client['done']) for client in document['clients']],
                         [('register', True), ('refuse', False), ('register', True)])
        self.assertIn("schema 'client_beta' exists and is no client's", document['clients'][1]['reason'])
        self.assertIn("schema 'client_beta' exists", self.register('--all', '--yes', expect=2))
        self.assertIn("client 'beta'", self.register('beta', '--container', 'openwebui-beta', expect=1))
        self.product.server.psql('DROP SCHEMA client_beta')
        self.assertIn("client 'beta' is registered", self.register('--all', '--yes'))

    def test_all_asks_a_person(self) -> None:
        self.docker.run('openwebui-alpha', self.volume('alpha'))
        words = ['client', 'register', '--all', '--docker-socket', str(self.docker.path), '--admin-url-file', str(self.product.admin_file)]
        self.assertEqual(self.typed(words, 'n\n', 'do this?'), 1)
        self.assertEqual(self.everything(), '')
        self.assertEqual(self.typed(words, 'y\n', 'do this?'), 0)
        self.assertEqual(self.status('alpha'), 'active|f|f')

    def test_without_docker(self) -> None:
        refused = self.admin('register', '--all', '--docker-socket', str(self.folder / 'nobody.sock'), expect=1)
        self.assertIn('Docker cannot be asked', refused)
        self.assertIn('no container named openwebui-', self.register('--all'))

    def typed(self, words: List[str], answer: str, question: str) -> int:
        """The exit code of a command at a terminal, where `answer` is typed once it asks."""
        leader, follower = pty.openpty()
        try:
            running = subprocess.Popen([str(BINARIES / 'sync-nodectl'), *words], env=self.product.environment(), stdin=follower,
                                       stdout=subprocess.DEVNULL, stderr=follower)
            os.close(follower)
            shown = b''
            while question.encode() not in shown:
                shown += os.read(leader, 4096)
            os.write(leader, answer.encode())
            return running.wait(SECONDS)
        finally:
            os.close(leader)

    # --- intervals -------------------------------------------------------------------------------------
    def test_set_interval_without_a_node(self) -> None:
        self.register('acme', '--sqlite-path', self.volume('acme') + '/webui.db')
        self.assertIn('every 42 s', self.ctl('client', 'set-interval', 'acme', '42'))
        self.assertEqual(self.sql('SELECT sync_interval FROM sync_metadata.client_deployments'), '42')
        self.assertIn("there is no client 'nobody'", self.ctl('client', 'set-interval', 'nobody', '42', expect=4))
        for seconds in ('0', '-1', '2678401', 'x', '1.5'):
            self.ctl('client', 'set-interval', 'acme', seconds, expect=64)

    # --- the end ---------------------------------------------------------------------------------------
    def test_deregistering_keeps_copy_and_history(self) -> None:
        memory = self.synced('acme')
        self.ctl('client', 'resume', 'acme')
        before = self.everything()
        self.assertIn('--yes', self.admin('deregister', 'acme', expect=64))
        said = self.admin('deregister', 'acme', '--dry-run')
        self.assertRegex(said, r'its copy stays \(schema client_acme: \d+ tables, [\d.]+ [kM]?B\)')
        self.assertEqual(self.everything(), before)
        self.admin('deregister', 'acme', '--yes')
        self.assertEqual(self.status('acme'), 'stopped|f|t')
        self.assertEqual(self.sql('SELECT count(*) FROM client_acme.chat'), '3')
        self.assertEqual(self.sql('SELECT count(*) FROM sync_metadata.sync_jobs'), '1')
        self.assertTrue(memory.is_dir())
        with self.assertRaisesRegex(Exception, 'permission denied for schema client_acme'):
            self.product.psql('SELECT count(*) FROM client_acme.chat')
        self.assertNotIn('acme', self.ctl('client', 'list'))
        self.assertRegex(self.ctl('client', 'list', '--all'), r'acme +success +(now|\d+ \w+ ago) +deregistered')
        self.assertIn('deregistered', self.ctl('client', 'show', 'acme'))
        for words in (('client', 'resume', 'acme'), ('client', 'set-interval', 'acme', '5'), ('sync', 'acme')):
            self.ctl(*words, expect=4)
        self.admin('deregister', 'acme', '--yes')
        self.docker.run('openwebui-acme', self.volume('again', rows=5))
        self.register('other', '--container', 'openwebui-acme')
        self.end('other')
        self.assertIn('will be copied', self.register('acme', '--container', 'openwebui-acme'))
        self.assertEqual(self.status('acme'), 'active|f|f')
        self.ctl('sync', 'acme')
        self.assertEqual(self.product.psql('SELECT count(*), min(title) FROM client_acme.chat'), '5|again')

    def test_dropping_removes_everything(self) -> None:
        memory = self.synced('acme')
        self.assertIn('is DROPPED', self.admin('deregister', 'acme', '--drop-schema', '--dry-run'))
        self.product.server.psql('CREATE VIEW public.report AS SELECT title FROM client_acme.chat')
        refused = self.admin('deregister', 'acme', '--drop-schema', '--yes', expect=1)
        self.assertIn("schema 'client_acme' is used by view public.report", refused)
        self.assertEqual(self.status('acme'), 'active|f|f', 'what cannot be ended is not begun')
        self.product.server.psql('DROP VIEW public.report')
        self.product.server.psql("CREATE FUNCTION public.report() RETURNS SETOF client_acme.chat LANGUAGE sql AS 'SELECT * FROM client_acme.chat'")
        self.assertIn('is used by function public.report()', self.admin('deregister', 'acme', '--drop-schema', '--dry-run', expect=1))
        self.assertIn('is used by function public.report()', self.admin('deregister', 'acme', '--drop-schema', '--yes', expect=1))
        self.assertEqual(self.status('acme'), 'active|f|f')
        self.product.server.psql('DROP FUNCTION public.report')
        self.admin('deregister', 'acme', '--drop-schema', '--yes')
        self.assert_gone('acme', memory)
        self.assertIn("there is no client 'acme'", self.admin('deregister', 'acme', '--yes', expect=4))

    def assert_gone(self, name: str, memory: Path) -> None:
        left = self.sql(f"SELECT count(*) FROM pg_namespace WHERE nspname = '{self.product.schema(name)}'")
        rows = self.sql(f"SELECT count(*) FROM (SELECT client_name FROM sync_metadata.client_deployments UNION ALL SELECT client_name FROM "
                        f"sync_metadata.sync_jobs UNION ALL SELECT client_name FROM sync_metadata.conflict_log) x WHERE client_name = '{name}'")
        self.assertEqual((left, rows, memory.exists()), ('0', '0', False))

    def test_another_cluster_s_client_is_not_meant(self) -> None:
        self.synced('acme')
        refused = self.ctl('client', 'deregister', 'acme', '--yes', '--admin-url-file', str(self.product.admin_file), expect=1,
                           env={**self.product.environment(), 'CLUSTER_NAME': 'host-9'})
        self.assertIn("belongs to cluster 'host-1', not to 'host-9'", refused)
        self.assertEqual(self.status('acme'), 'active|f|f')

    def test_the_name_is_typed(self) -> None:
        self.synced('acme')
        words = ['client', 'deregister', 'acme', '--admin-url-file', str(self.product.admin_file)]
        self.assertEqual(self.typed(words, 'yes\n', 'type acme'), 1)
        self.assertEqual(self.status('acme'), 'active|f|f')
        self.assertEqual(self.typed(words, 'acme\n', 'type acme'), 0)
        self.assertEqual(self.status('acme'), 'stopped|f|t')

    def test_cut_off_at_every_step_the_next_run_ends_it(self) -> None:
        """SIGKILL before every statement and after every COMMIT."""
        kills: Dict[str, List[str]] = {'before_statement': [], 'after_commit': []}
        with WireProxy(self.product.server.admin_url()) as proxy:
            url = self.folder / 'proxied-url'
            url.touch(mode=0o600)
            url.write_text(proxy.url)
            for side, found in kills.items():
                number = 0
                while True:
                    number += 1
                    name = f'{side[:6]}{number}'
                    memory = self.synced(name)
                    self.sql(f"UPDATE sync_metadata.client_deployments SET sync_enabled = true WHERE client_name = '{name}'")
                    hit = self.killed_at(proxy, side, number, name, url)
                    state = self.status(name)
                    if not hit:
                        self.assert_gone(name, memory)
                        break
                    found.append(state)
                    whole = self.sql(f"SELECT count(*) FROM pg_namespace WHERE nspname = 'client_{name}'")
                    self.assertEqual(whole, '1' if state else '0', f'{side} {number}: {state}')
                    if state:
                        self.assertEqual(self.sql(f'SELECT count(*) FROM client_{name}.chat'), '3')
                        self.admin('deregister', name, '--drop-schema', '--yes')
                    self.assert_gone(name, memory)
        self.assertEqual(list(dict.fromkeys(kills['before_statement'])), ['active|t|f', 'stopped|f|t'])
        self.assertEqual(kills['after_commit'], ['stopped|f|t', ''])

    def killed_at(self, proxy: WireProxy, side: str, number: int, name: str, url: Path) -> bool:
        proxy.reset()
        running = subprocess.Popen([str(BINARIES / 'sync-nodectl'), 'client', 'deregister', name, '--drop-schema', '--yes', '--admin-url-file',
                                    str(url)], env=self.product.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        hit = []

        def kill(count: int, _: bytes) -> bool:
            if count != number or hit:
                return False
            hit.append(count)
            running.send_signal(signal.SIGKILL)
            running.wait(SECONDS)
            return True

        setattr(proxy, side, kill)
        said, _ = running.communicate(timeout=SECONDS)
        self.assertTrue(hit or running.returncode == 0, said)
        return bool(hit)


if __name__ == '__main__':
    unittest.main(verbosity=1)
