"""
SQLite + Supabase Sync System - The Debian Package On A Booted Host

Its whole life on a real systemd with polkit, and a PostgreSQL at an address that is not loopback: installing starts nothing, two nodes are
enabled, a live database is copied, nodes are killed and frozen, settings reloaded, the host rebooted, the package upgraded, removed,
purged and installed again. Then the package's own autopkgtest on a fresh host. lintian reads the package.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from packages.operator_of_host import APPLICATION, NODES, Operator, package  # noqa: E402
from support.booted_host import BootedHost  # noqa: E402
from support.host_root import dependencies  # noqa: E402
from support.nodes import until  # noqa: E402

SOURCE = Path(__file__).resolve().parents[2]
# The tests' programs are built without the hardening flags of dpkg-buildpackage.
NOT_OF_THIS_BUILD = 'hardening-no-bindnow,hardening-no-fortify-functions,hardening-no-pie,hardening-no-relro'


def lintian_is_silent(deb: Path) -> None:
    done = subprocess.run(['lintian', '-EI', '--pedantic', '--fail-on', 'error,warning,info,pedantic', '--suppress-tags', NOT_OF_THIS_BUILD,
                           '--allow-root', str(deb)], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr


def higher_version(deb: Path, folder: Path) -> Path:
    """The same files as a version that is newer."""
    tree = folder / 'tree'
    subprocess.run(['dpkg-deb', '-R', str(deb), str(tree)], check=True)
    control = tree / 'DEBIAN/control'
    text = control.read_text()
    version = next(line.split()[1] for line in text.splitlines() if line.startswith('Version:'))
    control.write_text(text.replace(f'Version: {version}', f'Version: {version}+newer'))
    made = folder / 'newer.deb'
    subprocess.run(['dpkg-deb', '-b', '-Znone', '--root-owner-group', str(tree), str(made)], check=True, stdout=subprocess.DEVNULL)
    return made


def install(host: BootedHost, deb: Path) -> None:
    host.must('apt-get', 'install', '-y', '-q', '--no-install-recommends', host.give(deb))


class Story:
    """The steps share one host and come in this order."""

    def __init__(self, host: BootedHost, deb: Path) -> None:
        self.host, self.deb, self.operator = host, deb, Operator(host)

    def installing_starts_nothing(self) -> None:
        install(self.host, self.deb)
        assert self.operator.running() == '', self.operator.running()
        enabled = self.host.run('systemctl', 'list-unit-files', '--no-legend', '--state=enabled', 'sync-node*').output
        assert enabled.strip() == '', enabled
        modes = self.host.must('stat', '-c', '%a %U:%G %n', '/etc/sync-node/api-token', '/etc/sync-node/admin', '/etc/sync-node/node-a.env')
        assert modes.splitlines() == ['640 root:sync-node /etc/sync-node/api-token', '700 root:root /etc/sync-node/admin',
                                      '640 root:root /etc/sync-node/node-a.env'], modes
        assert len(self.host.path('/etc/sync-node/api-token').read_text()) == 64
        assert self.host.must('journalctl', '--list-catalog').count(' sync-node: ') == 15
        for unit in ('sync-node@a', 'sync-node@typo'):
            started = self.host.run('systemctl', 'start', unit)
            assert started.code != 0 and 'Assertion failed' in started.output, started

    def two_nodes_are_enabled(self) -> None:
        self.operator.make_project()
        self.operator.write_settings()
        self.host.must('sync-nodectl', '--env-file', '/etc/sync-node/.env', 'check-config', '--node', 'a')
        self.host.must('systemctl', 'enable', '--now', *NODES)
        leader = self.operator.wait_for_leader()
        other = next(unit for unit in NODES if unit != leader)
        words = r"stands by, 'openwebui-sync-node-[ab]' leads, epoch \d+"
        until('the other stands by', 20, lambda: re.fullmatch(words, self.operator.property(other, 'StatusText')))
        print(self.host.must('systemctl', 'status', '--no-pager', '--lines=3', *NODES), flush=True)

    def a_live_database_is_copied(self) -> None:
        self.operator.make_client()
        self.operator.arrives('first')
        for table in ('user', 'chat', 'message'):
            assert self.operator.psql(f'SELECT count(*) FROM {self.operator.schema}."{table}"') == self.operator.count(table), table
        self.operator.command('verify', 'acme')
        owners = {path.name: path.stat().st_uid for path in self.operator.database.parent.iterdir()}
        assert set(owners.values()) == {APPLICATION}, f'beside the database: {owners}'

    def nodes_have_what_they_need_and_no_more(self) -> None:
        for unit in NODES:
            process = self.host.path(f'/proc/{self.operator.property(unit, "MainPID")}')
            facts = dict(line.split(':\t', 1) for line in (process / 'status').read_text().splitlines() if ':\t' in line)
            assert [facts[f'Cap{kind}'] for kind in ('Prm', 'Eff', 'Bnd', 'Amb')] == ['0000000000000004'] * 3 + ['0' * 16], facts
            assert facts['NoNewPrivs'] == '1' and facts['Seccomp'] == '2' and '0' not in facts['Uid'].split(), facts
            for name in ('environ', 'cmdline'):
                assert self.operator.password.encode() not in (process / name).read_bytes(), f'the password is in {name}'
            hidden = ['/etc/sync-node/admin', '/etc/sudoers.d', '/home', '/root']
            seen = self.host.must('nsenter', '--target', self.operator.property(unit, 'MainPID'), '--mount', 'stat', '-c', '%a', *hidden)
            assert seen.split() == ['0'] * len(hidden), f'the modes of {hidden} for the node: {seen}'
        assert self.operator.password not in self.host.must('journalctl', '--no-pager', '-o', 'export')

    def the_bus_asks_who_calls(self) -> None:
        done = self.operator.bus('Trigger', 'sa{sv}', 'acme', '0')
        assert done.code == 0 and done.output.startswith('s "'), done
        for member, arguments in [('Trigger', ['sa{sv}', 'acme', '0']), ('ListDeployments', [])]:
            refused = self.operator.bus(member, *arguments, user='visitor')
            assert refused.code != 0 and 'polkit refused it' in refused.output, refused
        who = self.host.must('busctl', 'get-property', 'org.openwebui.SyncNode1', '/org/openwebui/SyncNode1', 'org.openwebui.SyncNode1.Leader',
                             'LeaderId', user='visitor')
        assert 'openwebui-sync-node-' in who, who
        self.host.must('systemctl', 'service-log-level', 'sync-node@a', 'info')

    def a_reload_waits_and_tells(self) -> None:
        before = [self.operator.property(unit, 'MainPID') for unit in NODES]
        self.operator.write_settings('LOG_LEVEL=DEBUG\n')
        token = '0123456789abcdef' * 4
        self.host.write('/etc/sync-node/api-token', token + '\n', 0o640)
        self.host.must('systemctl', 'reload', 'sync-node@a')
        assert self.host.must('systemctl', 'service-log-level', 'sync-node@a') == 'debug'
        jobs = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', f'Authorization: Bearer {token}']
        assert self.host.must(*jobs, 'http://127.0.0.1:9443/api/v1/sync/jobs') == '200'
        assert self.host.must(*jobs, 'http://127.0.0.1:9444/api/v1/sync/jobs') == '401', 'node b was not reloaded'
        self.operator.write_settings('CACHE_TTL=never\n')
        refused = self.host.run('systemctl', 'reload', 'sync-node@a')
        assert refused.code != 0, refused
        said = self.host.must('journalctl', '--no-pager', '-u', 'sync-node@a', '-o', 'cat')
        assert "refused: " in said and "CACHE_TTL='never' (/etc/sync-node/.env)" in said, said[-2000:]
        self.operator.write_settings()
        self.host.must('systemctl', 'reload', *NODES)
        assert [self.operator.property(unit, 'MainPID') for unit in NODES] == before, 'a reload restarted a node'

    def wrong_settings_do_not_loop(self) -> None:
        self.operator.write_settings('CACHE_TTL=never\n')
        restarts = self.operator.property('sync-node@b', 'NRestarts')
        started = self.host.run('systemctl', 'restart', 'sync-node@b')
        assert started.code != 0, started
        facts = [self.operator.property('sync-node@b', name) for name in ('ActiveState', 'ExecMainStatus', 'NRestarts')]
        assert facts == ['failed', '78', restarts], facts
        self.operator.write_settings()
        self.host.must('systemctl', 'start', 'sync-node@b')

    def the_leader_is_killed(self) -> None:
        leader = self.operator.wait_for_leader()
        self.host.must('systemctl', 'kill', '-s', 'KILL', leader)
        self.operator.wait_for_leader(other_than=leader)
        self.operator.arrives('after-the-kill')
        until(f'{leader} is back', 30, lambda: self.operator.property(leader, 'ActiveState') == 'active')

    def a_frozen_node_is_restarted(self) -> None:
        leader = self.operator.wait_for_leader()
        frozen = self.operator.property(leader, 'MainPID')
        self.host.must('kill', '-STOP', frozen)
        until('the watchdog has ended it', 60, lambda: self.operator.property(leader, 'MainPID') not in (frozen, '0'))
        assert 'Watchdog timeout' in self.host.must('journalctl', '--no-pager', '-u', leader, '-o', 'cat')
        self.operator.wait_for_leader()
        self.operator.arrives('after-the-watchdog')

    def a_reboot_brings_both_back(self) -> None:
        self.host.reboot()
        until('both nodes', 30, lambda: all(self.operator.property(unit, 'ActiveState') == 'active' for unit in NODES))
        self.operator.wait_for_leader()
        self.operator.arrives('after-the-reboot')

    def an_upgrade_restarts_what_ran(self) -> None:
        self.host.must('systemctl', 'stop', 'sync-node@b')
        self.operator.wait_for_leader()
        before = self.operator.property('sync-node@a', 'MainPID')
        kept = ['/etc/sync-node/.env', '/etc/sync-node/api-token']
        texts = [self.host.path(name).read_text() for name in kept]
        memory = self.host.must('stat', '-c', '%i', '/var/lib/sync-node/clients')
        with tempfile.TemporaryDirectory() as folder:
            install(self.host, higher_version(self.deb, Path(folder)))
        assert '+newer' in self.host.must('dpkg-query', '-W', '-f', '${Version}', 'sync-node')
        after = self.operator.property('sync-node@a', 'MainPID')
        assert after not in (before, '0'), 'the node that ran was not restarted'
        assert self.operator.property('sync-node@b', 'ActiveState') == 'inactive', 'a node that did not run was started'
        assert [self.host.path(name).read_text() for name in kept] == texts
        assert self.host.must('stat', '-c', '%i', '/var/lib/sync-node/clients') == memory
        self.operator.wait_for_leader()
        self.operator.arrives('after-the-upgrade')

    def removing_stops_it(self) -> None:
        self.host.must('systemctl', 'start', 'sync-node@b')
        self.host.must('apt-get', 'remove', '-y', '-q', 'sync-node')
        assert self.operator.running() == '', self.operator.running()
        assert self.operator.psql('SELECT expires_at < clock_timestamp() FROM sync_metadata.leader_election') == 't', 'the lease was not given back'
        assert self.host.path('/var/lib/sync-node/clients').exists() and self.host.path('/etc/sync-node/.env').exists()
        install(self.host, self.deb)
        assert self.operator.running() == '', self.operator.running()
        self.host.must('systemctl', 'start', 'sync-node@a')
        self.operator.wait_for_leader()
        self.operator.arrives('after-the-return')

    def purging_leaves_nothing(self) -> None:
        shutil.rmtree(self.host.path('/etc/systemd/system/sync-node@.service.d'))
        self.host.must('apt-get', 'purge', '-y', '-q', 'sync-node')
        assert self.operator.running() == '', self.operator.running()
        left = self.host.must('find', '/etc', '/usr', '/lib/systemd', '/var', '/run', '(', '-name', '*sync-node*', '-o', '-name', '*SyncNode*', ')',
                              '-not', '-path', '/run/credentials/*')
        assert left == '', left
        assert 'sync-node/' not in self.host.path('/var/cache/debconf/config.dat').read_text()
        install(self.host, self.deb)
        self.host.reboot()
        assert self.operator.running() == '', self.operator.running()

    def steps(self) -> List[Callable[[], None]]:
        return [self.installing_starts_nothing, self.two_nodes_are_enabled, self.a_live_database_is_copied,
                self.nodes_have_what_they_need_and_no_more, self.the_bus_asks_who_calls, self.a_reload_waits_and_tells,
                self.wrong_settings_do_not_loop, self.the_leader_is_killed, self.a_frozen_node_is_restarted, self.a_reboot_brings_both_back,
                self.an_upgrade_restarts_what_ran, self.removing_stops_it, self.purging_leaves_nothing]


def autopkgtest_passes(deb: Path) -> None:
    with BootedHost(dependencies(deb)) as host:
        install(host, deb)
        host.must('bash', host.give(SOURCE / 'packaging/deb/tests/smoke'))


def main() -> int:
    if os.geteuid() != 0:
        print('booting a host needs root')
        return 77
    deb = package('sync-node_*.deb')
    lintian_is_silent(deb)
    with BootedHost(dependencies(deb)) as host:
        for step in Story(host, deb).steps():
            print(step.__name__, flush=True)
            step()
    print('autopkgtest_passes', flush=True)
    autopkgtest_passes(deb)
    return 0


if __name__ == '__main__':
    sys.exit(main())
