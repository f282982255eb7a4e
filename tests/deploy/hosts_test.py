"""
SQLite + Supabase Sync System - Deploying Hosts

sync-nodectl deploy as administrators type it: a dry run, two hosts of one project with real nodes, a run too many, a copied
machine, a new password, the file for a host that never sees the admin's credential, and questions on a terminal.
"""

import json
import os
import re
import stat
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cli.documents import judge  # noqa: E402
from deploy.hosts import Host, Intruder, catalog, passwords  # noqa: E402
from support.nodes import PrivateBus, until  # noqa: E402
from support.private_postgres import PostgresError, PrivatePostgres, run_psql  # noqa: E402

ALL_CHARACTERS = ''.join(chr(code) for code in range(0x20, 0x7f)) + 'Äöüß é Å 日本語 🔑'


class Hosts(unittest.TestCase):
    """Tests run in the order of their names on one project; hosts one and two live through most of them."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = PrivatePostgres()
        cls.addClassCleanup(cls.server.stop)
        cls.bus = PrivateBus()
        cls.addClassCleanup(cls.bus.stop)
        cls.one, cls.two = cls.host(cls.bus), cls.host()

    @classmethod
    def host(cls, bus: 'PrivateBus | None' = None) -> Host:
        host = Host(cls.server, bus)
        cls.addClassCleanup(host.close)
        return host

    def intruder(self, host: Host) -> Intruder:
        intruder = host.intruder()
        self.addCleanup(intruder.close)
        self.assertTrue(intruder.is_in())
        return intruder

    def leader(self, name: str) -> str:
        return self.server.superuser_psql(f"SELECT leader_id FROM sync_metadata.leader_election WHERE cluster_name = '{name}' "
                                          'AND expires_at > clock_timestamp()')

    def mode(self, path: Path) -> int:
        return stat.S_IMODE(path.lstat().st_mode)

    # --- the first host --------------------------------------------------------------------------------
    def test_01_without_a_terminal_all_that_is_missing_is_named_at_once(self) -> None:
        said = self.one.deploy('--yes', expect=64)
        for option in ('--project-ref', '--region', '--host-name', '--admin-password-file'):
            self.assertIn(option, said)
        self.assertIn('--yes', self.one.deploy('--admin-url-file', self.one.admin, '--host-name', 'host-1', expect=64))
        self.assertIn('process list', self.one.deploy('--admin-url', self.server.admin_url(), '--host-name', 'host-1', '--yes', expect=64))
        self.assertIn('host name', self.one.deploy('--admin-url-file', self.one.admin, '--host-name', 'a/b', '--yes', expect=64))
        os.chmod(self.one.admin, 0o644)
        self.assertIn('chmod 600', self.one.deploy('--admin-url-file', self.one.admin, '--host-name', 'host-1', '--yes', expect=1))
        os.chmod(self.one.admin, 0o600)

    def test_02_a_dry_run_changes_nothing(self) -> None:
        before, known = self.one.tree(), catalog(self.server)
        said = self.one.deploy('--admin-url-file', self.one.admin, '--host-name', 'host-1', '--dry-run')
        for step in ('schema', 'host', 'credentials', 'password', 'link', 'environment', 'node_environments', 'enable', 'start'):
            self.assertRegex(said, rf'(?m)^{step} ')
        document = self.one.deploy('--admin-url-file', '-', '--host-name', 'host-1', '--dry-run', '--json', stdin=self.server.admin_url())
        self.assertEqual(judge(document, 'deploy'), [])
        self.assertTrue(all(not step['done'] for step in json.loads(document)['steps']))
        self.assertEqual(self.one.tree(), before)
        self.assertEqual(catalog(self.server), known)
        self.assertEqual(self.one.systemd.calls, [])

    def test_03_the_first_host_is_sync_service_and_leads(self) -> None:
        said = self.one.deploy('--admin-url-file', self.one.admin, '--host-name', 'host-1', '--yes')
        self.assertNotIn(self.server.admin_password, said)
        self.assertRegex(said, r'openwebui-sync-node-[ab] leads \'host-1\', epoch')
        self.assertRegex(said, r'connections: 1 host of this project, at most 6 each .*: 6 of the server')
        self.assertIn('node-a', said[said.index('connections:'):], 'the status page')
        self.assertEqual(self.one.systemd.calls, ['enable a b', 'start a', 'start b'])
        etc = self.one.etc
        self.assertEqual({name: self.mode(etc / name) for name in ('admin', 'admin/.credentials', '.env', 'node-a.env', 'node-b.env')},
                         {'admin': 0o700, 'admin/.credentials': 0o600, '.env': 0o600, 'node-a.env': 0o640, 'node-b.env': 0o640})
        self.assertEqual(os.readlink(etc / '.credentials'), 'admin/.credentials')
        self.assertEqual(sorted(path.name for path in etc.rglob('*')),
                         sorted(['admin', '.credentials', '.credentials', '.env', 'node-a.env', 'node-b.env']))
        credentials = self.one.credentials()
        self.assertEqual(credentials['SUPABASE_PROJECT_REF'], 'self-hosted')
        self.assertEqual(credentials['ADMIN_URL'], self.server.admin_url())
        self.assertEqual(credentials['SYNC_URL'], self.one.url())
        self.assertEqual(self.one.as_agent('SELECT session_user, sync_metadata.caller_cluster()'), 'sync_service|host-1')
        self.assertEqual(run_psql(credentials['ADMIN_URL'], 'SELECT session_user'), 'admin')
        for node in ('a', 'b'):
            self.one.ctl('check-config', '--env-file', str(etc / '.env'), '--env-file', str(etc / f'node-{node}.env'), '--node', node)

    def test_04_a_run_too_many_changes_nothing(self) -> None:
        before, known, calls = self.one.tree(), catalog(self.server), list(self.one.systemd.calls)
        for words in ((), ('--admin-url-file', self.one.admin, '--host-name', 'host-1')):
            self.assertIn('nothing is to be done', self.one.deploy(*words, '--yes'))
        document = self.one.deploy('--yes', '--json')
        self.assertEqual(judge(document, 'deploy'), [])
        self.assertEqual(json.loads(document)['steps'], [])
        self.assertEqual(self.one.tree(), before)
        self.assertEqual(catalog(self.server), known)
        self.assertEqual(self.one.systemd.calls, calls)

    def test_05_what_the_administrator_wrote_stays_and_what_is_wrong_is_mended(self) -> None:
        environment, node = self.one.etc / '.env', self.one.etc / 'node-b.env'
        environment.write_text(environment.read_text().replace('CACHE_TTL=300', '# shorter\nCACHE_TTL=60'))
        node.write_text('API_PORT=9999\nROLE=node-b\n')
        before = self.one.tree()
        self.assertIn('nothing is to be done', self.one.deploy('--yes'))
        self.assertEqual(self.one.tree(), before)
        os.chmod(environment, 0o644)
        (self.one.etc / 'node-a.env').unlink()
        (self.one.etc / '.credentials').unlink()
        self.one.deploy('--yes')
        self.assertIn('# shorter\nCACHE_TTL=60\n', environment.read_text())
        self.assertEqual(self.mode(environment), 0o600)
        self.assertEqual(os.readlink(self.one.etc / '.credentials'), 'admin/.credentials')

    def test_05b_a_link_is_not_replaced_by_defaults(self) -> None:
        for name in ('.env', 'node-b.env'):
            path, kept = self.one.etc / name, self.one.directory / name
            path.rename(kept)
            path.symlink_to(kept)
            before, known = self.one.tree(), catalog(self.server)
            said = self.one.deploy('--host-name', 'host-1', '--yes', expect=1)
            self.assertIn(f"'/etc/sync-node/{name}' is a link to '{kept}'", said)
            self.assertIn('move it away', said)
            self.assertEqual((self.one.tree(), catalog(self.server)), (before, known))
            kept.rename(path)
        self.assertIn('nothing is to be done', self.one.deploy('--yes'))

    # --- the second host ---------------------------------------------------------------------------------
    def test_06_a_second_host_disturbs_nobody(self) -> None:
        known, leads, tree = passwords(self.server), self.leader('host-1'), self.one.tree()
        epoch = "SELECT epoch FROM sync_metadata.leader_election WHERE cluster_name = 'host-1'"
        before = self.server.superuser_psql(epoch)
        said = self.two.deploy('--admin-url-file', self.two.admin, '--host-name', 'Host.2', '--yes')
        self.assertIn("login role 'sync_service_host_2'", said)
        self.assertIn('connections: 2 hosts of this project, at most 6 each (leader 3 and 2 workers, standby 1): 12 of', said)
        self.assertEqual(passwords(self.server)['sync_service'], known['sync_service'])
        self.assertEqual((self.leader('host-1'), self.server.superuser_psql(epoch), self.one.tree()), (leads, before, tree))
        for host, name in ((self.one, 'host-1'), (self.two, 'Host.2')):
            self.assertEqual(host.as_agent('SELECT DISTINCT cluster_name FROM sync_metadata.hosts'), name)
            self.assertEqual(host.as_agent('SELECT cluster_name FROM sync_metadata.leader_election'), name)
            self.assertEqual(host.as_agent("SELECT count(*) FROM sync_metadata.hosts"), '2')
        self.assertEqual(self.server.superuser_psql("SELECT count(*) FROM pg_auth_members m WHERE m.member = 'sync_service_host_2'::regrole"), '1')

    def test_07_names_that_share_a_role_are_refused_by_name(self) -> None:
        known = catalog(self.server)
        third = self.host()
        said = third.deploy('--admin-url-file', third.admin, '--host-name', 'HOST_2', '--yes', expect=1)
        self.assertIn("'sync_service_host_2' serves another host", said)
        self.assertIn('choose another host name', said)
        self.assertEqual(catalog(self.server), known)

    def test_08_a_copied_machine_is_refused(self) -> None:
        known, before = catalog(self.server), self.two.tree()
        copy = self.host()
        subprocess.run(['cp', '-a', str(self.two.etc), str(copy.root / 'etc')], check=True)
        tree = copy.tree()
        said = copy.deploy('--yes', expect=1)
        self.assertIn("host 'Host.2' is another machine", said)
        self.assertIn('--adopt', said)
        self.assertEqual((copy.tree(), copy.systemd.calls), (tree, []))
        stranger = self.host()
        self.assertIn('is another machine', stranger.deploy('--admin-url-file', stranger.admin, '--host-name', 'Host.2', '--yes', expect=1))
        self.assertFalse(stranger.etc.exists())
        twin = self.host()
        (twin.root / 'etc/machine-id').write_text((self.two.root / 'etc/machine-id').read_text())
        said = twin.deploy('--admin-url-file', twin.admin, '--host-name', 'host-9', '--yes', expect=1)
        self.assertIn("this machine is host 'Host.2' of the project already", said)
        self.assertIn('systemd-machine-id-setup', said)
        self.assertEqual((catalog(self.server), self.two.tree()), (known, before))

    def test_09_a_host_that_lives_is_not_robbed_by_one_that_has_its_name(self) -> None:
        self.server.superuser_psql("UPDATE sync_metadata.cluster_logins SET machine = NULL WHERE cluster_name = 'Host.2'")
        known, stranger = passwords(self.server), self.host()
        said = stranger.deploy('--admin-url-file', stranger.admin, '--host-name', 'Host.2', '--yes', expect=1)
        self.assertIn("leads 'Host.2' now, and this machine has no password of that host", said)
        self.assertEqual(passwords(self.server), known)
        self.assertIn('note that this machine is host', self.two.deploy('--yes'))
        self.assertEqual(passwords(self.server), known)

    # --- passwords ---------------------------------------------------------------------------------------
    def test_10_a_new_password_restarts_the_standby_first_and_only_here(self) -> None:
        known, leads, other = passwords(self.server), self.leader('Host.2')[-1], self.one.tree()
        old, intruder, neighbour = self.two.credentials(), self.intruder(self.two), self.intruder(self.one)
        self.two.systemd.calls.clear()
        said = self.two.deploy('--rotate-password', '--yes')
        self.assertIn("done: end the role's sessions that began before it had this password", said)
        self.assertEqual((intruder.is_in(), neighbour.is_in()), (False, True), 'who logged in with the old password is out, and nobody else')
        standby = 'b' if leads == 'a' else 'a'
        self.assertEqual(self.two.systemd.calls, [f'restart {standby}', f'restart {leads}'])
        self.assertNotIn(self.two.credentials()['SYNC_SERVICE_PASSWORD'], said)
        self.assertNotEqual(self.two.credentials()['SYNC_SERVICE_PASSWORD'], old['SYNC_SERVICE_PASSWORD'])
        self.assertEqual(self.two.as_agent('SELECT session_user'), 'sync_service_host_2')
        with self.assertRaisesRegex(PostgresError, 'password authentication failed'):
            run_psql(old['SYNC_URL'], 'SELECT 1')
        self.assertEqual(passwords(self.server)['sync_service'], known['sync_service'])
        self.assertEqual(self.one.tree(), other)
        self.assertFalse((self.two.etc / 'admin/restart-pending').exists())
        self.assertTrue(self.leader('Host.2'))

    def test_11_a_standby_that_does_not_come_back_leaves_the_leader_alone(self) -> None:
        leads = self.leader('Host.2')[-1]
        self.two.systemd.calls.clear()
        self.two.systemd.refuse = lambda words: 'Job for the unit failed.' if words[0] == 'restart' else None
        said = self.two.deploy('--rotate-password', '--yes', expect=1)
        self.assertIn('Job for the unit failed.', said)
        self.assertIn('journalctl -u sync-node@', said)
        self.assertEqual(len(self.two.systemd.calls), 1)
        self.assertNotIn(f'restart {leads}', self.two.systemd.calls)
        self.two.systemd.refuse = lambda words: None
        self.assertIn('restart the nodes one by one', self.two.deploy('--yes'))
        self.assertEqual(len(self.two.systemd.calls), 3)
        self.assertIn('nothing is to be done', self.two.deploy('--yes'))

    def test_12_every_character_may_be_in_a_password(self) -> None:
        quoted = ALL_CHARACTERS.replace("'", "''")
        self.server.superuser_psql(f"CREATE ROLE second LOGIN CREATEROLE PASSWORD '{quoted}'")
        run_psql(self.server.superuser_url(), 'CREATE DATABASE words OWNER second', single=False)
        host = self.host()
        url = f'postgresql://second@127.0.0.1:{self.server.port}/words'
        words = ('--admin-url', url, '--host-name', 'words-1')
        for bad in ('wrong', ALL_CHARACTERS + ' '):
            said = host.deploy(*words, '--admin-password-file', host.secret('bad', bad), '--yes', '--no-start', expect=1)
            self.assertIn('password authentication failed', said)
            self.assertNotIn(bad[:40], said)
        said = host.deploy(*words, '--admin-password-file', '-', '--yes', '--no-start', stdin=ALL_CHARACTERS + '\n')
        self.assertNotIn(ALL_CHARACTERS[:40], said)
        # sync_service is the other database's host's on this server: this one gets a role of its own.
        self.assertEqual(host.as_agent('SELECT session_user'), 'sync_service_words_1')
        self.assertEqual(run_psql(host.credentials()['ADMIN_URL'], 'SELECT session_user'), 'second')
        self.assertIn('nothing is to be done', host.deploy('--yes', '--no-start'))
        # A role's own password, too: whatever an administrator put into the file is given to the role.
        file = host.etc / 'admin/.credentials'
        escaped = re.sub(r'(["\\$`])', r'\\\1', ALL_CHARACTERS)
        file.write_text(re.sub('SYNC_SERVICE_PASSWORD=.*', lambda _: f'SYNC_SERVICE_PASSWORD="{escaped}"', file.read_text()))
        host.deploy('--yes', '--no-start')
        self.assertEqual(host.credentials()['SYNC_SERVICE_PASSWORD'], ALL_CHARACTERS)
        self.assertEqual(host.as_agent('SELECT session_user'), 'sync_service_words_1')
        self.assertIn('nothing is to be done', host.deploy('--yes', '--no-start'))

    # --- a host that never sees the admin ----------------------------------------------------------------
    def test_13_prepare_and_enroll(self) -> None:
        host, desk = self.host(), self.host()
        file = host.directory / 'host-4.env'
        prepare = ('deploy', 'prepare', '--host', 'host-4', '--out', str(file), '--admin-url-file', desk.admin)
        desk.ctl(*prepare, '--dry-run')
        self.assertFalse(file.exists())
        self.assertEqual(judge(desk.ctl(*prepare, '--yes', '--json'), 'deploy prepare'), [])
        self.assertEqual(self.mode(file), 0o600)
        self.assertNotIn(self.server.admin_password, file.read_text())
        self.assertIn('nothing is to be done', desk.ctl(*prepare, '--yes'))
        self.assertFalse(desk.etc.exists())
        # The file of a host that is not enrolled yet is the only place where its password is.
        before, known = file.read_text(), catalog(self.server)
        other = ('deploy', 'prepare', '--host', 'host-5', '--out', str(file), '--admin-url-file', desk.admin)
        for words in (('--dry-run',), ('--yes',), ('--yes', '--rotate-password', '--adopt')):
            self.assertIn(f"'{file}' holds the credential of host 'host-4'", desk.ctl(*other, *words, expect=1))
        self.assertIn("of project 'self-hosted'", desk.ctl(*prepare, '--project-ref', 'another', '--yes', expect=1))
        self.assertEqual((file.read_text(), catalog(self.server)), (before, known))
        said = host.deploy('--enroll', str(file), '--yes')
        self.assertIn("leads 'host-4'", said)
        self.assertEqual(sorted(path.name for path in host.etc.rglob('*') if path.is_file()), ['.env', 'node-a.env', 'node-b.env'])
        self.assertEqual(host.as_agent('SELECT session_user, sync_metadata.caller_cluster()'), 'sync_service_host_4|host-4')
        before, known = host.tree(), catalog(self.server)
        self.assertIn('nothing is to be done', host.deploy('--enroll', str(file), '--yes'))
        thief = self.host()
        said = thief.deploy('--enroll', str(file), '--yes', expect=1)
        self.assertIn("host 'host-4' is another machine", said)
        self.assertFalse(thief.etc.exists())
        # Whoever has the file cannot make the database believe otherwise.
        with self.assertRaisesRegex(PostgresError, 'is another machine'):
            run_psql(host.url(), f"SELECT sync_metadata.enroll_host('{'a' * 64}')")
        self.assertEqual((host.tree(), catalog(self.server)), (before, known))
        file.unlink()
        self.assertIn('--rotate-password', desk.ctl(*prepare, '--yes', expect=1))
        self.assertEqual(catalog(self.server), known)
        intruder = self.intruder(host)
        desk.ctl(*prepare, '--yes', '--rotate-password')
        self.assertFalse(intruder.is_in())
        host.systemd.calls.clear()
        host.deploy('--enroll', str(file), '--yes')
        self.assertEqual(sorted(host.systemd.calls), ['restart a', 'restart b'])
        os.chmod(file, 0o640)
        self.assertIn('chmod 600', host.deploy('--enroll', str(file), '--yes', expect=1))

    def test_16_sessions_are_ended_by_the_run_after_a_kill(self) -> None:
        host = self.host()
        host.deploy('--admin-url-file', host.admin, '--host-name', 'host-6', '--yes', '--no-start')
        intruder = self.intruder(host)
        # As a run leaves it that was killed right after the role got its password.
        self.server.superuser_psql("UPDATE sync_metadata.cluster_logins SET password_given_at = clock_timestamp() WHERE cluster_name = 'host-6'")
        document = json.loads(host.deploy('--yes', '--no-start', '--json'))
        self.assertEqual([step['step'] for step in document['steps']], ['sessions'])
        self.assertFalse(intruder.is_in())
        self.assertIn('nothing is to be done', host.deploy('--yes', '--no-start'))

    def test_17_a_machine_that_is_replaced_and_lives_leads_no_more(self) -> None:
        old, new = self.host(), self.host()
        old.deploy('--admin-url-file', old.admin, '--host-name', 'host-7', '--yes')
        term = "SELECT epoch FROM sync_metadata.leader_election WHERE cluster_name = 'host-7' AND expires_at > clock_timestamp()"
        sessions = "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE usename = 'sync_service_host_7'"
        epoch, before = int(self.server.superuser_psql(term)), self.server.superuser_psql(sessions).split()
        self.assertGreaterEqual(len(before), 2)
        # Restored from a backup of the old machine: what lies there is its password.
        subprocess.run(['cp', '-a', str(old.etc), str(new.root / 'etc')], check=True)
        said = new.deploy('--adopt', '--yes')
        self.assertIn('done: end the sessions and the lease of the machine before', said)
        self.assertRegex(said, rf"leads 'host-7', epoch {epoch + 1}\n")
        self.assertEqual(set(before) & set(self.server.superuser_psql(sessions).split()), set())
        self.assertNotEqual(new.url(), old.url())
        with self.assertRaisesRegex(PostgresError, 'password authentication failed'):
            run_psql(old.url(), 'SELECT 1')
        # It runs on, and nobody lets it in: its nodes lead no more, these do.
        for letter in 'ab':
            until('the old node to be refused', 60, lambda letter=letter: 'password authentication failed' in old.systemd.nodes[letter].text())
        self.assertEqual(int(self.server.superuser_psql(term)), epoch + 1)
        self.assertIn('nothing is to be done', new.deploy('--yes'))
        self.assertIn("host 'host-7' is another machine", old.deploy('--yes', expect=1))

    def test_18_prepared_for_a_machine_that_replaces_another(self) -> None:
        old, desk, new = self.host(), self.host(), self.host()
        old.deploy('--admin-url-file', old.admin, '--host-name', 'host-8', '--yes')
        file = new.directory / 'host-8.env'
        intruder = self.intruder(old)
        desk.ctl('deploy', 'prepare', '--host', 'host-8', '--out', str(file), '--admin-url-file', desk.admin, '--adopt', '--yes')
        self.assertEqual((intruder.is_in(), self.leader('host-8')), (False, ''))
        self.assertIn("leads 'host-8'", new.deploy('--enroll', str(file), '--yes'))

    # --- on a terminal -----------------------------------------------------------------------------------
    def test_14_questions_on_a_terminal(self) -> None:
        host, password = self.host(), self.server.admin_password
        url = self.server.admin_url().replace(':' + password, '')
        code, shown = host.talk(host.words('--no-start'), [('project reference', url), ('name of this host', 'host-5'), ('password', password),
                                                                 ("do this for host 'host-5'?", 'no')])
        self.assertEqual((code, host.etc.exists()), (1, False), shown)
        self.assertIn('nothing was changed', shown)
        self.assertNotIn(password, shown, 'typed without echo, and never shown')
        words = host.words('--no-start', '--json', '--admin-url-file', host.admin, '--host-name', 'host-5')
        code, shown = host.talk(words, [('do this', 'yes')])
        self.assertEqual((code, host.etc.exists()), (64, False), 'nobody is asked to agree to what was not shown')
        self.assertIn('with --json it cannot', shown)
        code, shown = host.talk(host.words('--no-start'), [('project reference', url), ('name of this host', 'host-5'), ('password', password),
                                                                 ("do this for host 'host-5'?", 'yes')])
        self.assertEqual(code, 0, shown)
        self.assertNotIn(password, shown)
        self.assertEqual(host.as_agent('SELECT session_user'), 'sync_service_host_5')
        code, shown = host.talk(host.words('--project-ref', 'abc', '--region', 'x', '--host-name', 'h'), [('password', 'half\x03')])
        self.assertEqual(code, 1, shown)
        self.assertIn('nothing was changed', shown)

    def test_15_docker_is_set_up_only_when_asked(self) -> None:
        said = self.one.deploy('--docker-ipv6', '--yes', expect=1)
        self.assertIn('docker-ipv6', said)
        self.assertIn('is not installed', said)
        program = self.one.programs / 'docker-ipv6'
        program.write_text('#!/bin/bash\necho "called with $*"; exit "${#FAIL}"\n')
        program.chmod(0o755)
        self.assertIn('called with enable', self.one.deploy('--docker-ipv6', '--yes'))
        program.write_text('#!/bin/bash\necho "daemon.json is wrong"; exit 6\n')
        said = self.one.deploy('--docker-ipv6', '--yes', expect=1)
        self.assertIn('daemon.json is wrong', said)


if __name__ == '__main__':
    unittest.main(verbosity=2)
