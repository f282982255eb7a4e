"""
SQLite + Supabase Sync System - docker-ipv6 On A Host

Files, owners, links, refusals, exit codes and what is said, with a dockerd and a systemctl that only answer.
"""

import fcntl
import json
import os
import stat
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cli.documents import judge  # noqa: E402
from docker_ipv6.on_a_host import NOBODY, PLAIN, OnAHost  # noqa: E402
from docker_ipv6.private_host import BACKUP, CIDR, DAEMON, HELPER, RECORD, document, go_inside, must, run  # noqa: E402


class Files(OnAHost):
    # --- the file ---------------------------------------------------------------------------------------
    def test_adds_what_this_docker_needs_and_takes_it_back_to_the_byte(self) -> None:
        for text in (PLAIN, '{}', '{ }\n', '', '\n', '{"a":1}', '{\r\n\t"a" : [1, 2]\r\n}', '\ufeff{"b": {"ipv6": false}}', '{"experimental": true}'):
            with self.subTest(text=text):
                self.host.fresh(text)
                said = self.helper('enable')
                self.assertIn('+ "ipv6": true', said)
                values = self.enabled()
                self.assertEqual((values['ipv6'], values['ip6tables'], values['experimental']), (True, True, True))
                self.assertRegex(values['fixed-cidr-v6'], r'^fd[0-9a-f:]+::/64$')
                self.assertEqual(BACKUP.read_bytes(), text.encode())
                self.assertEqual(self.names(), ['daemon.json', BACKUP.name, RECORD.name])
                self.helper('disable')
                self.assertEqual(DAEMON.read_bytes(), text.encode())
                self.assertEqual(self.names(), ['daemon.json'])

    def test_a_file_it_made_goes_again(self) -> None:
        self.helper('enable')
        self.assertEqual(stat.S_IMODE(DAEMON.stat().st_mode), 0o644)
        self.assertFalse(BACKUP.exists())
        self.helper('disable')
        self.assertEqual(self.names(), [])

    def test_what_others_changed_since_stays(self) -> None:
        self.host.fresh(PLAIN)
        self.helper('enable', '--cidr', CIDR)
        text = DAEMON.read_text().replace('"experimental": true', '"experimental": false').replace('journald', 'local')
        DAEMON.write_text(text)
        self.assertIn("'experimental' was changed by somebody since", self.helper('disable'))
        self.assertEqual(DAEMON.read_text(), PLAIN.replace('journald', 'local').replace('}}\n}', '}},\n  "experimental": false\n}'))
        self.assertEqual(self.names(), ['daemon.json'])
        self.assertIn('nothing of', self.helper('disable'))

    def test_a_second_run_writes_nothing(self) -> None:
        self.host.fresh(PLAIN)
        self.helper('enable')

        def files() -> List[Any]:
            return [(path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes()) for path in (DAEMON, BACKUP, RECORD)]

        before = files()
        self.helper('enable')
        self.helper('enable', '--exit-code', expect=2)
        self.assertEqual(before, files())

    def test_a_docker_that_needs_more_later_keeps_the_first_backup(self) -> None:
        self.host.docker('28.0.1')
        self.host.fresh(PLAIN)
        self.helper('enable')
        self.assertEqual(self.enabled(), {'ipv6': True, 'fixed-cidr-v6': None, 'ip6tables': None, 'experimental': None})
        self.host.docker('26.1.5')
        self.helper('enable')
        self.assertEqual(self.enabled()['experimental'], True)
        self.assertEqual(BACKUP.read_text(), PLAIN)
        self.helper('disable')
        self.assertEqual(DAEMON.read_text(), PLAIN)

    def test_owner_mode_and_attributes_stay(self) -> None:
        self.host.fresh(PLAIN)
        os.chown(DAEMON, 0, 4)
        DAEMON.chmod(0o640)
        os.setxattr(DAEMON, 'trusted.note', b'mine')
        self.helper('enable')
        for path in (DAEMON, BACKUP):
            facts = path.stat()
            self.assertEqual((stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid), (0o640, 0, 4), path)
            self.assertEqual(os.getxattr(path, 'trusted.note'), b'mine', path)

    def test_conflicts_are_shown_and_only_forced(self) -> None:
        text = '{"ipv6": false, "x": 1, "experimental": false}'
        self.host.fresh(text)
        said = self.helper('enable', '--cidr', CIDR, expect=6)
        self.assertIn("'ipv6' is false in daemon.json, and IPv6 needs true", said)
        self.assertIn("'experimental' is false", said)
        self.assertEqual((DAEMON.read_text(), self.names()), (text, ['daemon.json']))
        self.helper('enable', '--cidr', CIDR, '--force')
        self.assertEqual(DAEMON.read_text(),
                         f'{{"ipv6": true, "x": 1, "experimental": true, "fixed-cidr-v6": "{CIDR}", "ip6tables": true}}')
        self.helper('disable')
        self.assertEqual(DAEMON.read_text(), text)

    def test_what_it_cannot_read_it_never_rewrites(self) -> None:
        for text in ('{"a": 1', '{"a":1,"a":2}', '[]', '// no\n{}', '{"a": "\udcff"}', '{"a":1}' + ' ' * (1 << 20)):
            with self.subTest(text=text[:20]):
                self.host.fresh('')
                DAEMON.write_bytes(text.encode(errors='surrogateescape'))
                before = DAEMON.read_bytes()
                for verb in ('enable', 'plan', 'status', 'disable'):
                    self.helper(verb, expect=0 if verb == 'disable' and len(before) < 100 else 6)
                self.assertEqual((DAEMON.read_bytes(), self.names()), (before, ['daemon.json']))

    def test_links_are_followed_only_where_root_alone_can_change_them(self) -> None:
        self.host.fresh(PLAIN)
        target = Path('/etc/elsewhere/docker.json')
        target.parent.mkdir(exist_ok=True)
        target.write_text(PLAIN)
        DAEMON.unlink()
        DAEMON.symlink_to(target)
        self.helper('enable')
        self.assertTrue(DAEMON.is_symlink())
        self.assertEqual(json.loads(target.read_text())['ipv6'], True)
        self.helper('disable')
        self.assertEqual((target.read_text(), os.listdir(target.parent)), (PLAIN, ['docker.json']))
        target.parent.chmod(0o777)
        self.assertIn('others than root can change', self.helper('enable', expect=6))
        target.parent.chmod(0o755)
        target.unlink()
        self.assertIn('leads nowhere', self.helper('enable', expect=6))
        self.host.fresh()
        DAEMON.parent.symlink_to('/tmp')
        self.assertIn('or a link', self.helper('enable', expect=6))
        DAEMON.parent.unlink()

    def test_a_read_only_etc_changes_nothing(self) -> None:
        self.host.fresh(PLAIN)
        must('mount', '--bind', '/etc/docker', '/etc/docker')
        must('mount', '-o', 'remount,ro,bind', '/etc/docker')
        try:
            said = self.helper('enable', expect=1)
            self.assertIn('Read-only file system', said)
            self.assertEqual((DAEMON.read_text(), self.names()), (PLAIN, ['daemon.json']))
            self.helper('status')
        finally:
            must('umount', '/etc/docker')

    def test_a_full_disk_leaves_the_old_file(self) -> None:
        self.host.fresh(PLAIN)
        must('mount', '-t', 'tmpfs', '-o', 'size=8k,mode=755', 'tmpfs', '/etc/docker')
        try:
            DAEMON.write_text(PLAIN)
            (DAEMON.parent / 'filler').write_bytes(b'x' * 4096)
            self.helper('enable', expect=1)
            self.assertEqual((DAEMON.read_text(), self.names()), (PLAIN, ['daemon.json', 'filler']))
        finally:
            must('umount', '/etc/docker')

    # --- two at once, and who may -----------------------------------------------------------------------
    def test_many_runs_at_once(self) -> None:
        self.host.fresh(PLAIN)
        runs = [subprocess.Popen([HELPER, 'enable', '--cidr', CIDR], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(12)]
        ends = [(process.communicate(timeout=60)[0], process.returncode) for process in runs]
        self.assertTrue(all(code in (0, 75) for _, code in ends), ends)
        self.assertEqual(sum('was changed' in said for said, _ in ends), 1, ends)
        self.assertTrue(all('another docker-ipv6 is at work' in said for said, code in ends if code == 75), ends)
        self.assertEqual(BACKUP.read_text(), PLAIN)
        self.helper('disable')
        self.assertEqual(DAEMON.read_text(), PLAIN)

    def test_a_lock_that_is_held_is_respected(self) -> None:
        with open('/run/sync-node-docker-ipv6.lock', 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertIn('try again', self.helper('enable', expect=75))
            self.helper('status')
        self.assertEqual(self.names(), [])

    def test_only_root_changes_anything(self) -> None:
        self.host.fresh(PLAIN)
        for words in (['enable'], ['disable'], ['enable', '--restart', '--yes']):
            self.helper(*words, expect=4, user=NOBODY)
        self.assertIn('set up as this Docker needs it: no', self.helper('status', user=NOBODY))
        self.assertIn('+ "ipv6": true', self.helper('plan', user=NOBODY))
        self.helper('enable', '--dry-run', user=NOBODY)
        self.helper('disable', '--dry-run', user=NOBODY)
        DAEMON.chmod(0o600)
        self.helper('status', expect=4, user=NOBODY)
        self.assertEqual((DAEMON.read_text(), self.names()), (PLAIN, ['daemon.json']))

    def test_wrong_words_do_nothing(self) -> None:
        for words in ([], ['enable', '--file', '/etc/passwd'], ['enable', '--cidr', 'fd00::1/64'], ['enable', '--cidr=2001:db8::/64'], ['on']):
            self.helper(*words, expect=64)
        self.assertEqual(self.names(), [])

    # --- documents, plan, journal -----------------------------------------------------------------------
    def test_plan_changes_nothing_and_says_what_would_be(self) -> None:
        self.host.fresh(PLAIN)
        said = self.helper('plan')
        self.assertIn('+ "fixed-cidr-v6": (a random unique local /64', said)
        self.assertIn("experimental features, so all of them are switched on", said)
        plan = self.host.helper('plan', '--json')
        self.assertEqual(judge(plan.out, 'docker_ipv6_plan'), [])
        self.assertEqual([(change['key'], change['before'], change['after']) for change in document(plan)['changes']],
                         [('ipv6', None, True), ('fixed-cidr-v6', None, None), ('ip6tables', None, True), ('experimental', None, True)])
        same = self.host.helper('enable', '--dry-run', '--cidr', CIDR, '--json')
        self.assertEqual(document(same)['changes'][1]['after'], CIDR)
        status = self.host.helper('status', '--json')
        self.assertEqual(judge(status.out, 'docker_ipv6_status'), [])
        said_of = document(status)
        self.assertEqual((said_of['set_up'], said_of['in_effect'], said_of['docker']['containers_running']), (False, None, None))
        self.assertEqual((DAEMON.read_text(), self.names()), (PLAIN, ['daemon.json']))
        self.helper('enable')
        self.helper('plan', '--exit-code', expect=2)
        after = document(self.host.helper('status', '--json'))
        self.assertEqual((after['set_up'], after['set_by_us']), (True, ['ipv6', 'fixed-cidr-v6', 'ip6tables', 'experimental']))
        self.assertIn('- "ip6tables": true', self.helper('disable', '--dry-run'))
        self.assertTrue(RECORD.exists())

    def test_one_message_in_the_journal_says_who_and_what(self) -> None:
        self.host.fresh('{"ipv6": true}')
        run('env', 'SUDO_USER=alice', HELPER, 'enable')
        message = self.journal.message()
        self.assertRegex(message['MESSAGE_ID'], '^[0-9a-f]{32}$')
        self.assertEqual((message['SUDO_USER'], message['SYNCNODE_DOCKER_KEYS']), ('alice', 'fixed-cidr-v6 ip6tables experimental'))
        self.assertEqual(message['SYNCNODE_DOCKER_OUTCOME'], 'docker was not restarted')
        self.assertTrue(self.journal.is_empty())
        for words in (['enable'], ['status'], ['plan']):
            self.helper(*words)
        self.assertTrue(self.journal.is_empty(), 'who changed nothing has nothing to tell')
        self.helper('disable')
        self.assertEqual(self.journal.message()['SUDO_USER'], 'root')


if __name__ == '__main__':
    go_inside()
    unittest.main(verbosity=2)
