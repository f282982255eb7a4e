"""
SQLite + Supabase Sync System - The RPM On A Booted Host

Installed, upgraded and erased by rpm itself on a booted host, and by dnf from a local repository. What stands in for Fedora is named: a
Debian whose libraries the programs were linked with, so --nodeps and --force-debian for rpm, and for dnf an empty package that provides
the names of what this package requires; and the scriptlets as packaging/rpm/macros.debian spells them. rpmlint reads the package.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from packages.operator_of_host import NODES, Operator, package  # noqa: E402
from support.booted_host import BootedHost  # noqa: E402
from support.host_root import dependencies  # noqa: E402
from support.nodes import until  # noqa: E402

SOURCE = Path(__file__).resolve().parents[2]
INSTALL = ('rpm', '--nodeps', '--force-debian')
REPOSITORY = '/root/repository'
DNF = ('dnf', '--assumeyes', '--disablerepo=*', f'--repofrompath=local,file://{REPOSITORY}', '--nogpgcheck', '--releasever=12')
STAND_IN = """Name: debian-itself
Version: 1
Release: 1
Summary: What the Debian below has
License: Apache-2.0
BuildArch: noarch
{}
%description
Stands in for the packages of Fedora in a test.
%files
"""


def rpmlint_is_silent(rpm: Path) -> None:
    done = subprocess.run(['rpmlint', '-c', str(SOURCE / 'packaging/rpm/rpmlint.toml'), str(rpm), str(SOURCE / 'packaging/rpm/sync-node.spec')],
                          capture_output=True, text=True)
    assert done.returncode == 0 and ' 0 errors, 0 warnings' in done.stdout, done.stdout + done.stderr


def installing_starts_nothing(operator: Operator, rpm: str) -> None:
    operator.host.must(*INSTALL, '-i', rpm)
    assert operator.running() == '', operator.running()
    modes = operator.host.must('stat', '-c', '%a %U:%G', '/etc/sync-node/api-token', '/etc/sync-node/admin', '/etc/sync-node/node-a.env')
    assert modes.splitlines() == ['640 root:sync-node', '700 root:root', '640 root:root'], modes
    assert operator.host.must('getent', 'group', 'sync-node-admin')


def nodes_copy_a_live_database(operator: Operator) -> None:
    operator.make_project()
    operator.write_settings()
    operator.host.must('systemctl', 'enable', '--now', *NODES)
    operator.wait_for_leader()
    operator.make_client()
    operator.arrives('by-rpm')


def an_upgrade_restarts_what_ran(operator: Operator, rpm: str) -> None:
    """The same version again: to its scriptlets that is an upgrade."""
    operator.host.must('systemctl', 'stop', 'sync-node@b')
    before = operator.property('sync-node@a', 'MainPID')
    operator.host.must(*INSTALL, '-U', '--force', rpm)
    until('the node is another process', 30, lambda: operator.property('sync-node@a', 'MainPID') not in (before, '0'))
    assert operator.property('sync-node@b', 'ActiveState') == 'inactive', 'a node that did not run was started'
    operator.wait_for_leader()
    operator.arrives('after-the-upgrade')


def erasing_stops_it_and_starts_nothing_later(operator: Operator, rpm: str) -> None:
    operator.host.must(*INSTALL, '-e', 'sync-node')
    assert operator.running() == '', operator.running()
    links = operator.host.must('find', '/etc/systemd/system', '-name', 'sync-node@*.service', '-type', 'l')
    assert links == '', links
    operator.host.must(*INSTALL, '-i', rpm)
    operator.host.reboot()
    assert operator.running() == '', operator.running()


def stand_in(rpm: Path, folder: Path) -> Path:
    """An empty package that provides what `rpm` requires of others."""
    def asked(what: str) -> set:
        return set(subprocess.run(['rpm', '-qp', what, str(rpm)], check=True, capture_output=True, text=True).stdout.splitlines())

    wanted = {name for name in asked('--requires') if not name.startswith('rpmlib(')} - asked('--provides')
    assert any(name.startswith('libpq.so') for name in wanted), wanted
    spec = folder / 'stand-in.spec'
    spec.write_text(STAND_IN.format(''.join(f'Provides: {name}\n' for name in sorted(wanted))))
    done = subprocess.run(['rpmbuild', '-bb', '--define', f'_topdir {folder}', str(spec)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob('RPMS/noarch/*.rpm'))


def dnf_takes_it_from_a_repository(operator: Operator, rpm: Path) -> None:
    """Its whole life once more, with dependencies resolved."""
    host = operator.host
    host.must(*INSTALL, '-e', 'sync-node')
    host.must('mkdir', REPOSITORY)
    host.must('mv', host.give(rpm), REPOSITORY)
    host.must('createrepo_c', '--quiet', REPOSITORY)
    refused = host.run(*DNF, 'install', 'sync-node')
    assert refused.code != 0 and 'nothing provides libpq.so' in refused.output, refused
    with tempfile.TemporaryDirectory() as folder:
        host.must('mv', host.give(stand_in(rpm, Path(folder))), REPOSITORY)
    host.must('createrepo_c', '--quiet', REPOSITORY)
    host.must(*DNF, '--refresh', 'install', 'sync-node')
    assert host.must('rpm', '-qa', '--qf', '%{NAME} ', 'sync-node', 'debian-itself').split() == ['debian-itself', 'sync-node']
    assert operator.running() == '', operator.running()
    host.must('systemctl', 'enable', '--now', *NODES)
    operator.wait_for_leader()
    operator.arrives('by-dnf')
    before = operator.property('sync-node@a', 'MainPID')
    host.must(*DNF, 'reinstall', 'sync-node')
    until('the node is another process', 30, lambda: operator.property('sync-node@a', 'MainPID') not in (before, '0'))
    operator.wait_for_leader()
    operator.arrives('after-dnf')
    host.must(*DNF, 'remove', 'sync-node')
    assert operator.running() == '', operator.running()
    assert host.must('find', '/etc/systemd/system', '-name', 'sync-node@*.service', '-type', 'l') == ''
    left = host.must('find', '/usr', '/etc/sudoers.d', '-name', '*sync-node*', '-o', '-name', '*SyncNode1*')
    assert left == '', left


def main() -> int:
    if os.geteuid() != 0:
        print('booting a host needs root')
        return 77
    rpm = package('sync-node-*.rpm')
    rpmlint_is_silent(rpm)
    with BootedHost(dependencies(package('sync-node_*.deb'))) as host:
        operator, inside = Operator(host), host.give(rpm)
        for step in (lambda: installing_starts_nothing(operator, inside), lambda: nodes_copy_a_live_database(operator),
                     lambda: an_upgrade_restarts_what_ran(operator, inside), lambda: erasing_stops_it_and_starts_nothing_later(operator, inside),
                     lambda: dnf_takes_it_from_a_repository(operator, rpm)):
            step()
    return 0


if __name__ == '__main__':
    sys.exit(main())
