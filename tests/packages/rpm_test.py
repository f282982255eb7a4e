"""
SQLite + Supabase Sync System - The RPM On A Booted Host

Installed, upgraded and erased by rpm itself on a booted host. What stands in for Fedora is named: a Debian whose libraries the programs
were linked with, so --nodeps and --force-debian; and the scriptlets as packaging/rpm/macros.debian spells them. rpmlint reads the package.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from packages.operator_of_host import NODES, Operator, package  # noqa: E402
from support.booted_host import BootedHost  # noqa: E402
from support.host_root import dependencies  # noqa: E402
from support.nodes import until  # noqa: E402

SOURCE = Path(__file__).resolve().parents[2]
INSTALL = ('rpm', '--nodeps', '--force-debian')


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


def main() -> int:
    if os.geteuid() != 0:
        print('booting a host needs root')
        return 77
    rpm = package('sync-node-*.rpm')
    rpmlint_is_silent(rpm)
    with BootedHost(dependencies(package('sync-node_*.deb'))) as host:
        operator, inside = Operator(host), host.give(rpm)
        for step in (lambda: installing_starts_nothing(operator, inside), lambda: nodes_copy_a_live_database(operator),
                     lambda: an_upgrade_restarts_what_ran(operator, inside), lambda: erasing_stops_it_and_starts_nothing_later(operator, inside)):
            step()
    return 0


if __name__ == '__main__':
    sys.exit(main())
