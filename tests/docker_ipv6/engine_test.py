"""
SQLite + Supabase Sync System - docker-ipv6 With A Real Docker

A real dockerd in a host of its own: it takes the file, its default bridge gets IPv6, containers stop or go on as live-restore says, and
a Docker that will not start gets its old file back. The programs are unpacked by ./dev test, never installed;
SYNC_NODE_DOCKER names a folder with those of another Docker.
"""

import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Dict, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from docker_ipv6.private_host import BACKUP, DAEMON, RECORD, SOURCE, STATE, PrivateHost, document, go_inside, must, run  # noqa: E402

TOOLS = Path(os.environ.get('SYNC_NODE_DOCKER', SOURCE / 'build/tools/docker'))
CGROUPS = ('cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'blkio', 'pids')


class RealDocker(unittest.TestCase):
    host: PrivateHost

    @classmethod
    def setUpClass(cls) -> None:
        cls.host = PrivateHost(TOOLS)
        for tool in ('iptables', 'ip6tables'):
            Path(f'/usr/sbin/{tool}').unlink(missing_ok=True)
            Path(f'/usr/sbin/{tool}').symlink_to(f'{tool}-nft')
        Path('/usr/sbin/dockerd').unlink()
        Path('/usr/sbin/dockerd').symlink_to(TOOLS / 'usr/sbin/dockerd')
        cls.host.install('/usr/bin/systemctl', (Path(__file__).parent / 'real_systemctl.py').read_text())
        must('mount', '-t', 'sysfs', 'sysfs', '/sys')
        if (Path('/sys/fs/cgroup') / 'cgroup.controllers').exists() or 'cgroup2' in must('stat', '-f', '-c', '%T', '/sys/fs/cgroup'):
            return
        if run('mount', '-t', 'cgroup2', 'cgroup2', '/sys/fs/cgroup').code == 0 and 'memory' in Path('/sys/fs/cgroup/cgroup.controllers').read_text():
            return
        run('umount', '/sys/fs/cgroup')
        must('mount', '-t', 'tmpfs', 'tmpfs', '/sys/fs/cgroup')
        for controller in CGROUPS:  # a host with the first version of control groups
            (Path('/sys/fs/cgroup') / controller).mkdir()
            run('mount', '-t', 'cgroup', '-o', controller, 'cgroup', f'/sys/fs/cgroup/{controller}')

    def setUp(self) -> None:
        self.addCleanup(must, 'systemctl', 'stop', 'docker.service')

    def begin(self, settings: Optional[Dict[str, Any]]) -> Optional[bytes]:
        text = None if settings is None else json.dumps(settings, indent=4) + '\n'
        self.host.fresh(text)
        shutil.rmtree('/run/docker-data', ignore_errors=True)
        started = run('systemctl', 'start', 'docker.service')
        self.assertEqual(started.code, 0, (STATE / 'docker.log').read_text()[-3000:])
        return DAEMON.read_bytes() if DAEMON.exists() else None

    def helper(self, *words: str, expect: int = 0) -> str:
        ran = self.host.helper(*words)
        said = ran.out + ran.err
        self.assertEqual(ran.code, expect, f'{words}: {said}\n{(STATE / "docker.log").read_text()[-2000:] if ran.code != expect else ""}')
        return said

    def bridge(self) -> Dict[str, Any]:
        return dict(json.loads(must('docker', 'network', 'inspect', 'bridge'))[0])

    def container(self) -> str:
        """Runs sleep(1) in an image made of nothing but it and its libraries; the process id on this host."""
        with tempfile.TemporaryDirectory() as folder:
            program = shutil.which('sleep') or ''
            files = [program, *[word for word in must('ldd', program).split() if word.startswith('/')]]
            for path in files:
                target = Path(folder + path)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
            packed = subprocess.run(['tar', '-C', folder, '-c', '.'], stdout=subprocess.PIPE, check=True).stdout
            subprocess.run(['docker', 'import', '-', 'sleeper'], input=packed, stdout=subprocess.DEVNULL, check=True)
        # sleep(1) as the first process does not hear SIGTERM: whoever stops it would wait ten seconds.
        must('docker', 'run', '-d', '--name', 'sleeper', '--stop-signal', 'SIGKILL', 'sleeper', program, 'infinity')
        return self.pid()

    def pid(self) -> str:
        return must('docker', 'inspect', '-f', '{{.State.Pid}}', 'sleeper').strip()

    def test_the_bridge_gets_ipv6_and_loses_it_again(self) -> None:
        for settings in ({'log-level': 'warn', 'default-ulimits': {'nofile': {'Name': 'nofile', 'Hard': 64000, 'Soft': 64000}}}, None):
            with self.subTest(settings=settings):
                before = self.begin(settings)
                self.assertFalse(self.bridge()['EnableIPv6'])
                self.assertIn('next: sync-nodectl docker-ipv6 enable --restart', self.helper('enable'))
                self.assertFalse(self.bridge()['EnableIPv6'], 'Docker was not restarted')
                self.assertEqual(document(self.host.helper('status', '--json'))['in_effect'], False)
                self.assertIn('the default bridge has IPv6: yes', self.helper('enable', '--restart'))
                bridge = self.bridge()
                self.assertTrue(bridge['EnableIPv6'])
                subnets = [entry['Subnet'] for entry in bridge['IPAM']['Config']]
                self.assertTrue(any(ipaddress.ip_network(subnet).version == 6 for subnet in subnets), subnets)
                status = document(self.host.helper('status', '--json'))
                self.assertEqual((status['set_up'], status['in_effect'], status['docker']['containers_running']), (True, True, 0))
                self.assertIn('next: sync-nodectl docker-ipv6 disable --restart', self.helper('disable'))
                self.assertTrue(self.bridge()['EnableIPv6'], 'Docker was not restarted')
                self.assertIn('the default bridge has IPv6: no', self.helper('disable', '--restart'))
                self.assertFalse(self.bridge()['EnableIPv6'])
                self.assertEqual(DAEMON.read_bytes() if DAEMON.exists() else None, before)
                must('systemctl', 'stop', 'docker.service')

    def test_a_container_of_the_bridge_gets_an_address(self) -> None:
        self.begin({'log-level': 'warn'})
        self.helper('enable', '--restart', '--cidr', 'fd77:1:2:3::/64')
        self.container()
        address = must('docker', 'inspect', '-f', '{{.NetworkSettings.GlobalIPv6Address}}', 'sleeper').strip()
        self.assertIn(ipaddress.ip_address(address), ipaddress.ip_network('fd77:1:2:3::/64'))

    def test_running_containers_are_not_stopped_unasked(self) -> None:
        before = self.begin({'log-level': 'warn'})
        pid = self.container()
        self.assertIn('1 container runs and would be stopped by a restart', self.helper('enable', '--restart', expect=75))
        self.assertEqual((DAEMON.read_bytes(), self.pid()), (before, pid))
        self.helper('enable', '--restart', '--yes')
        self.assertTrue(self.bridge()['EnableIPv6'])
        self.assertEqual(self.pid(), '0', 'it was stopped, as was said')

    def test_containers_outlive_the_restart_with_live_restore(self) -> None:
        self.begin({'log-level': 'warn', 'live-restore': True})
        pid = self.container()
        self.assertIn('would go on through a restart (live-restore)', self.helper('enable', '--restart', expect=75))
        self.assertIn('ran on (live-restore)', self.helper('enable', '--restart', '--yes', expect=75))
        self.assertEqual(self.pid(), pid)
        os.kill(int(pid), 0)
        self.assertFalse(self.bridge()['EnableIPv6'], 'the bridge stays as it is')
        self.assertTrue(RECORD.exists(), 'the file stays')
        must('docker', 'rm', '-f', 'sleeper')
        self.assertIn('the default bridge has IPv6: yes', self.helper('enable', '--restart'))
        self.assertTrue(self.bridge()['EnableIPv6'])

    def test_the_old_file_comes_back_when_docker_will_not_start(self) -> None:
        before = self.begin({'log-level': 'warn'})
        Path('/usr/sbin/ip6tables').unlink()
        self.host.install('/usr/sbin/ip6tables', '#!/bin/sh\necho "no such table" >&2\nexit 3\n')
        try:
            said = self.helper('enable', '--restart', expect=1)
        finally:
            Path('/usr/sbin/ip6tables').unlink()
            Path('/usr/sbin/ip6tables').symlink_to('ip6tables-nft')
        self.assertIn('Docker did not start', said)
        self.assertIn('is back, and Docker runs with it', said)
        self.assertEqual((DAEMON.read_bytes(), BACKUP.exists(), RECORD.exists()), (before, False, False))
        self.assertFalse(self.bridge()['EnableIPv6'])

    def test_this_docker_would_not_start_with_less(self) -> None:
        """The rules by version are true of the Docker at hand: without one of the keys it does not start."""
        self.begin(None)
        self.helper('enable', '--cidr', 'fd77::/64')
        whole = json.loads(DAEMON.read_text())
        for key in [key for key in whole if key in ('fixed-cidr-v6', 'experimental')]:
            with self.subTest(without=key):
                DAEMON.write_text(json.dumps({name: value for name, value in whole.items() if name != key}))
                self.assertEqual(run('systemctl', 'restart', 'docker.service').code, 1)


if __name__ == '__main__':
    go_inside()
    if not (TOOLS / 'usr/sbin/dockerd').exists():
        print(f'there is no dockerd in {TOOLS}; ./dev test fetches it')
        sys.exit(2)
    unittest.main(verbosity=2)
