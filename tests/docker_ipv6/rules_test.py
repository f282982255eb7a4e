"""
SQLite + Supabase Sync System - docker-ipv6 And The State Of Docker And Network

What is refused, restarted, put back and warned of, with a dockerd and a systemctl that only answer.
"""

import socket
import struct
import sys
import time
import unittest
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from docker_ipv6.on_a_host import PLAIN, Engine, OnAHost  # noqa: E402
from docker_ipv6.private_host import CIDR, DAEMON, STATE, document, go_inside, must  # noqa: E402

# systemd starts it, and with our keys it ends before it answers.
FAILS_LATER = f"""#!/bin/sh
if grep -q ip6tables {DAEMON}; then
  mv /run/docker.sock /run/docker.away
  sed -i s/^ActiveState=.*/ActiveState=failed/ {STATE}/show
else
  mv /run/docker.away /run/docker.sock
  sed -i s/^ActiveState=.*/ActiveState=active/ {STATE}/show
fi
"""


class Rules(OnAHost):
    def restarts(self) -> int:
        return self.host.log().count('systemctl restart docker.service')

    def test_without_docker(self) -> None:
        self.host.unit(state='not-found')
        Path('/usr/sbin/dockerd').unlink()
        self.assertIn('Docker is not installed', self.helper('status'))
        self.assertIn('install Docker first', self.helper('enable', expect=6))
        self.assertIn('nothing of', self.helper('disable'))
        self.assertEqual(self.names(), [])

    def test_dockers_that_are_too_old_or_flagged(self) -> None:
        self.host.docker('19.03.15')
        self.assertIn('too old', self.helper('enable', expect=6))
        self.host.docker('20.10.24')
        self.host.unit(flags='-H fd:// --ipv6')
        self.assertIn('started with --ipv6', self.helper('enable', expect=6))
        self.host.unit(flags='-H fd:// --config-file=/srv/daemon.json')
        self.assertIn('/srv/daemon.json', self.helper('enable', expect=6))
        self.assertEqual(self.names(), [])

    def test_flags_that_only_systemd_knows_are_seen_once_docker_runs(self) -> None:
        self.host.unit(flags='-H fd:// $DOCKER_OPTS')
        self.assertIn('which flags it gets from $DOCKER_OPTS in docker.service is not known', self.helper('enable', expect=6))
        self.assertIn('start Docker first', self.helper('plan', expect=6))
        self.assertEqual(self.names(), [])
        process = self.host.running('-H fd:// $DOCKER_OPTS')
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.helper('enable')
        self.host.unit(flags='-H fd:// $DOCKER_OPTS')
        self.assertIn('nothing was written', self.helper('enable'))
        self.helper('disable')

    def test_validate_is_heard_only_where_it_says_something_new(self) -> None:
        self.host.docker('26.1.5')
        self.host.fresh(PLAIN)
        self.host.install(STATE / 'validate', '#!/bin/sh\ngrep -q ip6tables "${2#*=}" && echo "bad directive" && exit 1\nexit 0\n')
        self.assertIn('dockerd does not take the new file: bad directive', self.helper('enable', expect=6))
        self.assertEqual((DAEMON.read_text(), self.names()), (PLAIN, ['daemon.json']))
        self.assertTrue(any('--validate --config-file=/etc/docker/.daemon.json.new -H fd://' in line for line in self.host.log()), self.host.log())
        self.host.fresh()
        self.assertIn('bad directive', self.helper('enable', expect=6))
        self.assertEqual(self.names(), [])
        self.host.install(STATE / 'validate', '#!/bin/sh\necho "userland-proxy-path is not set"\nexit 1\n')
        self.helper('enable')
        self.host.install(STATE / 'validate', '#!/bin/sh\nexit 0\n')
        self.host.docker('20.10.24')
        self.host.fresh(PLAIN)
        self.helper('enable')
        self.assertFalse(any('--validate' in line for line in self.host.log()), '20.10 does not know it')

    def test_a_docker_that_sleeps_behind_its_socket_is_not_woken(self) -> None:
        with Engine({'ContainersRunning': 3, 'LiveRestoreEnabled': False}, False):
            status = document(self.host.helper('status', '--json'))
            self.assertEqual((status['docker']['running'], status['docker']['containers_running']), (False, None))
            self.assertIn('was not started', self.helper('enable', '--restart'))
        self.assertFalse(any('systemctl restart' in line for line in self.host.log()), self.host.log())

    def test_restarts_only_when_told_and_not_over_running_containers(self) -> None:
        self.run_docker()
        self.host.fresh(PLAIN)
        with Engine({'ContainersRunning': 3, 'LiveRestoreEnabled': False}, False):
            said = self.helper('enable', '--restart', expect=75)
            self.assertIn('3 containers run and would be stopped by a restart', said)
            self.assertEqual((DAEMON.read_text(), self.names()), (PLAIN, ['daemon.json']))
            self.assertIn('next: sync-nodectl docker-ipv6 enable --restart --yes', self.helper('enable'))
        with Engine({'LiveRestoreEnabled': True}, False):
            self.assertIn('how many containers run is not known', self.helper('disable', '--restart', expect=75))
        self.assertFalse(any('systemctl restart' in line for line in self.host.log()), self.host.log())
        with Engine({'ContainersRunning': 0, 'LiveRestoreEnabled': True}, True):
            self.assertIn('the default bridge has IPv6: yes', self.helper('enable', '--cidr', CIDR, '--restart', '--force'))

    def test_a_restart_that_fails_puts_the_old_file_back(self) -> None:
        self.run_docker()
        self.host.fresh(PLAIN)
        self.host.install(STATE / 'restart', '#!/bin/sh\ngrep -q ip6tables /etc/docker/daemon.json && echo "Job failed" && exit 1\nexit 0\n')
        try:
            with Engine({'ContainersRunning': 0, 'LiveRestoreEnabled': False}, False):
                said = self.helper('enable', '--restart', expect=1)
            self.assertIn('Docker did not start: Job failed', said)
            self.assertIn('is back, and Docker runs with it', said)
            self.assertEqual((DAEMON.read_text(), self.names()), (PLAIN, ['daemon.json']))
            self.assertEqual([line for line in self.host.log() if 'show' not in line and 'systemctl' in line],
                             ['systemctl restart docker.service', 'systemctl reset-failed docker.service', 'systemctl restart docker.service'])
            self.assertIn('taken back', self.journal.message()['SYNCNODE_DOCKER_OUTCOME'])
            self.host.fresh()
            with Engine({'ContainersRunning': 0, 'LiveRestoreEnabled': False}, False):
                self.helper('enable', '--restart', expect=1)
            self.assertEqual(self.names(), [], 'there was no file before')
        finally:
            self.host.install(STATE / 'restart', '#!/bin/sh\nexit 0\n')

    def test_what_somebody_wrote_during_the_restart_is_not_overwritten(self) -> None:
        self.run_docker()
        self.addCleanup(self.host.install, STATE / 'restart', '#!/bin/sh\nexit 0\n')
        for words, theirs in ((['enable', '--cidr', CIDR], f'echo \'{{"debug": true}}\' >{DAEMON}'), (['disable'], f'rm {DAEMON}')):
            with self.subTest(words=words), Engine({'ContainersRunning': 0, 'LiveRestoreEnabled': False}, False):
                self.host.fresh(PLAIN)
                if words == ['disable']:
                    self.helper('enable', '--cidr', CIDR)
                    self.journal.drop_all()
                self.host.install(STATE / 'restart', f'#!/bin/sh\n{theirs}\necho "Job failed"\nexit 1\n')
                said = self.helper(*words, '--restart', expect=1)
                self.assertIn("the old file was not put back: somebody changed '/etc/docker/daemon.json' meanwhile", said)
                self.assertEqual(DAEMON.read_text() if DAEMON.exists() else None, '{"debug": true}\n' if 'enable' in words else None)
                self.assertEqual(self.restarts(), 1)
                self.assertIn('not put back', self.journal.message()['SYNCNODE_DOCKER_OUTCOME'])

    def test_a_docker_that_starts_with_neither_file_is_a_failure(self) -> None:
        self.run_docker()
        self.host.fresh(PLAIN)
        self.host.install(STATE / 'restart', '#!/bin/sh\necho "Job failed"\nexit 1\n')
        try:
            with Engine({'ContainersRunning': 0, 'LiveRestoreEnabled': False}, False):
                said = self.helper('enable', '--restart', expect=1)
                self.assertIn('the old file is back, and with it: Docker did not start', said)
                self.assertEqual(DAEMON.read_text(), PLAIN)
                self.helper('enable')
                self.assertNotEqual(DAEMON.read_text(), PLAIN)
                self.helper('enable', '--restart', expect=1)
                self.assertEqual((DAEMON.read_text(), self.names()), (PLAIN, ['daemon.json']), 'also what an earlier run wrote')
        finally:
            self.host.install(STATE / 'restart', '#!/bin/sh\nexit 0\n')

    def test_a_docker_that_could_not_be_asked_before_need_not_answer_after(self) -> None:
        self.run_docker()
        self.host.fresh(PLAIN)
        said = self.helper('enable', '--restart', '--yes')
        self.assertIn('Docker was restarted; how many containers run is not known; the default bridge has IPv6: not known', said)
        self.assertEqual((self.enabled()['ipv6'], self.restarts()), (True, 1))

    def test_a_docker_that_takes_its_time_keeps_the_file_and_is_not_restarted_again(self) -> None:
        self.run_docker()
        self.host.fresh(PLAIN)
        self.host.install(STATE / 'restart', '#!/bin/sh\nrm /run/docker.sock\n')
        try:
            with Engine({'ContainersRunning': 0, 'LiveRestoreEnabled': False}, False):
                said = self.helper('enable', '--restart', expect=75)
        finally:
            self.host.install(STATE / 'restart', '#!/bin/sh\nexit 0\n')
        self.assertIn('does not answer yet', said)
        self.assertIn('next: systemctl status docker; journalctl -u docker.service -n 50', said)
        self.assertEqual((self.enabled()['ipv6'], self.restarts()), (True, 1))
        self.assertIn('not known', self.journal.message()['SYNCNODE_DOCKER_OUTCOME'])

    def test_a_docker_that_starts_and_fails_then_gets_the_old_file_back(self) -> None:
        self.run_docker()
        self.host.fresh(PLAIN)
        self.host.install(STATE / 'restart', FAILS_LATER)
        try:
            with Engine({'ContainersRunning': 0, 'LiveRestoreEnabled': False}, False):
                said = self.helper('enable', '--restart', expect=1)
        finally:
            self.host.install(STATE / 'restart', '#!/bin/sh\nexit 0\n')
        self.assertIn('it failed soon after', said)
        self.assertIn('is back, and Docker runs with it', said)
        self.assertEqual((DAEMON.read_text(), self.restarts()), (PLAIN, 2))

    def test_a_bridge_without_ipv6_after_the_restart_is_a_failure(self) -> None:
        self.run_docker()
        self.host.fresh(PLAIN)
        with Engine({'ContainersRunning': 0, 'LiveRestoreEnabled': False}, False):
            self.assertIn('default bridge has no IPv6', self.helper('enable', '--restart', expect=1))
        self.assertEqual((DAEMON.read_text(), self.names()), (PLAIN, ['daemon.json']))

    def test_what_the_administrator_wanted_before_is_in_effect_after_disable(self) -> None:
        self.run_docker()
        text = '{"ipv6": true}'
        for words, said in ((['--restart'], 'the default bridge has IPv6: yes'), ([], 'next: systemctl restart docker\n')):
            with self.subTest(words=words), Engine({'ContainersRunning': 0, 'LiveRestoreEnabled': False}, True):
                self.host.fresh(text)
                self.helper('enable', '--cidr', CIDR)
                self.assertIn(said, self.helper('disable', *words))
                self.assertEqual((DAEMON.read_text(), self.names()), (text, ['daemon.json']))
                self.assertEqual(self.restarts(), len(words), 'one restart is one outage')

    def test_addresses_and_routes_of_the_host_are_kept_clear_of(self) -> None:
        must('ip', 'link', 'add', 'net0', 'type', 'veth', 'peer', 'name', 'net1')
        try:
            must('ip', 'link', 'set', 'net0', 'up')
            must('ip', '-6', 'addr', 'add', 'fd12:3456:789a::1/64', 'dev', 'net0')
            self.assertIn("overlaps 'fd12:3456:789a::", self.helper('enable', '--cidr', CIDR, expect=6))
            self.helper('enable', '--cidr', 'fd12:3456:789b::/64')
        finally:
            must('ip', 'link', 'del', 'net0')

    def test_a_host_that_listens_to_its_router_is_warned(self) -> None:
        Path('/proc/sys/net/ipv6/conf/default/accept_dad').write_text('0')
        must('ip', 'link', 'add', 'net0', 'type', 'veth', 'peer', 'name', 'net1')
        try:
            for name in ('net0', 'net1'):
                must('ip', 'link', 'set', name, 'up')
            advertise('net1')
            self.assertIn("'net0' stops listening to router advertisements", self.helper('plan'))
            Path('/proc/sys/net/ipv6/conf/net0/accept_ra').write_text('2')
            self.assertNotIn('router advertisements', self.helper('plan'))
        finally:
            must('ip', 'link', 'del', 'net0')


def until(what: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, f'waited for {what}'


def advertise(interface: str) -> None:
    """As a router at this end of the wire, until the other end has a default route."""
    until('a link-local address', lambda: 'fe80:' in must('ip', '-6', 'addr', 'show', 'dev', interface, '-tentative'))
    router = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)

    def has_route() -> bool:
        router.sendto(struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0), ('ff02::1', 0, 0, socket.if_nametoindex(interface)))
        return 'default' in must('ip', '-6', 'route')

    with router:
        until('a default route', has_route)


if __name__ == '__main__':
    go_inside()
    unittest.main(verbosity=2)
