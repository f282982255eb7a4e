"""
SQLite + Supabase Sync System - docker-ipv6 Through sudo

The drop-in is well formed, allows its group exactly the verbs it lists, and sync-nodectl goes that way.
"""

import os
import re
import shutil
import sys
import unittest
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cli.documents import judge  # noqa: E402
from docker_ipv6.private_host import BINARIES, DAEMON, HELPER, SOURCE, Journal, PrivateHost, Ran, document, go_inside, must, run  # noqa: E402

DROP_IN = SOURCE / 'units/sudoers/sync-node-docker-ipv6'
INSTALLED = Path('/etc/sudoers.d/sync-node-docker-ipv6')
ADMIN, OTHER, GROUP = 4001, 4002, 4000


def allowed_forms() -> List[List[str]]:
    """What the drop-in lists, without the program."""
    return [line.split() for line in re.findall(rf'{HELPER} ([a-z -]+?)(?:,| \\|$)', DROP_IN.read_text(), re.M)]


class ThroughSudo(unittest.TestCase):
    host: PrivateHost

    @classmethod
    def setUpClass(cls) -> None:
        cls.host = PrivateHost()
        cls.journal = Journal()
        shutil.copy2(BINARIES / 'sync-nodectl', '/usr/bin/sync-nodectl')
        with open('/etc/group', 'a') as groups, open('/etc/passwd', 'a') as users, open('/etc/shadow', 'a') as shadow:
            groups.write(f'sync-node-admin:x:{GROUP}:\nalice:x:{ADMIN}:\nmallory:x:{OTHER}:\n')
            for name, uid in (('alice', ADMIN), ('mallory', OTHER)):
                users.write(f'{name}:x:{uid}:{uid}::/:/bin/sh\n')
                shadow.write(f'{name}:*:19000:0:99999:7:::\n')
        shutil.copy(DROP_IN, INSTALLED)
        INSTALLED.chmod(0o440)

    def setUp(self) -> None:
        self.host.fresh('{"a": 1}')
        self.journal.drop_all()

    def alice(self, *words: str) -> Ran:
        return run(*words, user=ADMIN, groups=[GROUP])

    def test_the_drop_in_is_well_formed(self) -> None:
        must('visudo', '-cf', str(INSTALLED))
        self.assertNotIn('.', INSTALLED.name, 'sudo would ignore it')
        self.assertGreaterEqual(len(allowed_forms()), 10)
        self.assertFalse(re.search(r'[*?\[\]]|docker-ipv6\s*(,|$)', DROP_IN.read_text(), re.M), 'every argument is written out')

    def test_every_form_it_lists_is_allowed_and_understood(self) -> None:
        for form in allowed_forms():
            ran = self.alice('sudo', '-n', HELPER, *form)
            self.assertNotIn('a password is required', ran.err, form)
            self.assertIn(ran.code, (0, 6, 75), f'{form}: {ran}')
            self.assertNotEqual(ran.code, 64, form)

    def test_nothing_else_is(self) -> None:
        for words in ([], ['enable', '--force'], ['enable', '--cidr', 'fd00::/64'], ['enable', '--restart', '--yes', '--force'],
                      ['status', '--json', '--json'], ['--help'], ['disable', '/etc/shadow'], ['enable', '--restart', '--yes', '']):
            ran = self.alice('sudo', '-n', HELPER, *words)
            self.assertEqual(ran.code, 1, f'{words}: {ran}')
            self.assertIn('a password is required', ran.err)
        shutil.copy2(HELPER, '/run/docker-ipv6')
        for program in (['/bin/sh', '-c', 'id'], ['/run/docker-ipv6', 'enable']):
            self.assertEqual(self.alice('sudo', '-n', *program).code, 1, program)
        self.assertEqual(run('sudo', '-n', HELPER, 'status', user=OTHER).code, 1)
        self.assertEqual(self.alice('sudo', '-n', '-u', 'mallory', HELPER, 'status').code, 1, 'as root or not at all')
        # sudo compares the words joined by blanks; the program does not.
        self.assertEqual(self.alice('sudo', '-n', HELPER, 'enable --restart --yes').code, 64)
        self.assertEqual(DAEMON.read_text(), '{"a": 1}')

    def test_the_environment_of_the_caller_counts_for_nothing(self) -> None:
        trap = Path('/run/trap')
        trap.mkdir(exist_ok=True)
        for name in ('dockerd', 'systemctl'):
            self.host.install(trap / name, '#!/bin/sh\ntouch /run/trapped\n')
        ran = self.alice('env', f'PATH={trap}:/usr/bin:/bin', 'LD_PRELOAD=/run/trap/x.so', 'sudo', '-n', HELPER, 'enable')
        self.assertEqual(ran.code, 0, ran)
        self.assertFalse(Path('/run/trapped').exists())

    def test_sync_nodectl_goes_through_sudo(self) -> None:
        ran = self.alice('sync-nodectl', 'docker-ipv6', 'enable')
        self.assertEqual(ran.code, 0, ran)
        self.assertIn('"ipv6": true', DAEMON.read_text())
        self.assertEqual(self.journal.message()['SUDO_USER'], 'alice')
        status = self.alice('sync-nodectl', 'docker-ipv6', 'status', '--json')
        self.assertEqual((status.code, judge(status.out, 'docker_ipv6_status')), (0, []))
        self.assertTrue(document(status)['set_up'])
        self.assertEqual(self.alice('sync-nodectl', 'docker-ipv6', 'plan').code, 0)
        self.assertEqual(self.alice('sync-nodectl', 'docker-ipv6', 'disable', '--dry-run').code, 0)
        self.assertEqual(self.alice('sync-nodectl', 'docker-ipv6', 'disable').code, 0)
        self.assertEqual(DAEMON.read_text(), '{"a": 1}')

    def test_sync_nodectl_says_what_is_missing(self) -> None:
        refused = run('sync-nodectl', 'docker-ipv6', 'enable', user=OTHER)
        self.assertEqual(refused.code, 5, refused)
        self.assertIn("group 'sync-node-admin'", refused.err)
        self.assertEqual(self.alice('sync-nodectl', 'docker-ipv6', 'enable', '--file', 'x').code, 64)
        self.assertEqual(self.alice('sync-nodectl', 'docker-ipv6', 'enable', '--yes').code, 64)
        self.host.fresh('{"ipv6": false}')
        conflict = run('sync-nodectl', 'docker-ipv6', 'enable')
        self.assertEqual(conflict.code, 2, conflict)
        self.assertIn('--force', conflict.err)
        self.assertEqual(run('sync-nodectl', 'docker-ipv6', 'enable', '--force').code, 0)
        os.rename(HELPER, HELPER + '.away')
        try:
            missing = run('sync-nodectl', 'docker-ipv6', 'status')
            self.assertEqual(missing.code, 1, missing)
            self.assertIn(HELPER, missing.err)
        finally:
            os.rename(HELPER + '.away', HELPER)


if __name__ == '__main__':
    go_inside()
    unittest.main(verbosity=2)
