"""
SQLite + Supabase Sync System - Two Hosts Deployed

The whole story of an operator, on booted hosts with the installed package: the first host is set up by `deploy` alone and copies what a
real container writes; the second is prepared elsewhere and enrolled, so that no admin's credential is on it. A new password, Docker's IPv6,
a container that comes back with another volume, and the end of the second host disturb nobody else.
"""

import json
import os
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from packages.container_test import CONTAINER, IMAGE, RUN, VOLUME, Application, row_arrives  # noqa: E402
from packages.operator_of_host import NODES, Operator, package  # noqa: E402
from packages.two_hosts_test import TERMS, sees_only_its_own  # noqa: E402
from support.booted_host import BootedHost, join  # noqa: E402
from support.host_root import dependencies  # noqa: E402
from support.nodes import until  # noqa: E402

ADMIN = ('--admin-url-file', '/root/admin-url')
FILES = {'/etc/sync-node/admin/.credentials': '600', '/etc/sync-node/.env': '600', '/etc/sync-node/node-a.env': '640',
         '/etc/sync-node/node-b.env': '640'}
ENROLLMENT = '/root/second-host.json'


class Deployed(Operator):
    """An operator whose host is set up by deploy; its login and password are what deploy wrote."""

    def deploy(self, *words: str) -> str:
        said = self.host.must('sync-nodectl', 'deploy', '--yes', *words)
        url = re.search(r"^SUPABASE_URL=['\"]?postgresql://([^:]+):([^@]+)@", self.host.path('/etc/sync-node/.env').read_text(), re.M)
        assert url is not None, said
        self.login, self.password = url.groups()
        return said

    def facts(self) -> Dict[str, List[str]]:
        return {unit: [self.property(unit, name) for name in ('MainPID', 'NRestarts')] for unit in NODES}

    def files(self) -> Dict[str, str]:
        return {name: self.host.path(name).read_text() for name in FILES if self.host.path(name).exists()}


def the_first_host_is_deployed(first: Deployed) -> None:
    first.make_database()
    plan = first.host.must('sync-nodectl', 'deploy', '--dry-run', '--host-name', first.cluster, *ADMIN)
    assert not first.host.path('/etc/sync-node/.env').exists() and first.psql("SELECT to_regnamespace('sync_metadata')") == '', plan
    print(first.deploy('--host-name', first.cluster, *ADMIN), flush=True)
    assert first.login == 'sync_service'
    modes = {name: first.host.must('stat', '-c', '%a', name) for name in FILES}
    assert modes == FILES, modes
    states = first.host.must('systemctl', 'is-enabled', *NODES).split() + first.host.must('systemctl', 'is-active', *NODES).split()
    assert states == ['enabled'] * 2 + ['active'] * 2, states
    print(first.host.must('systemctl', 'status', '--no-pager', '--lines=3', *NODES), flush=True)
    before = (first.facts(), first.files())
    first.deploy('--host-name', first.cluster, *ADMIN)
    assert (first.facts(), first.files()) == before, 'a deploy too many changed something'


def a_containers_rows_arrive(first: Deployed, application: Application) -> None:
    first.host.must('sh', '-c', IMAGE)
    first.host.must('docker', 'volume', 'create', 'acme-data')
    os.chown(first.host.path(VOLUME), 1500, 1500)
    application.start()
    application.sql('PRAGMA journal_mode=WAL; CREATE TABLE message (id TEXT PRIMARY KEY, content TEXT);')
    print(first.command('client', 'register', '--all', '--yes', '--interval', '1', *ADMIN), flush=True)
    first.command('client', 'resume', 'acme')
    row_arrives(first, application, 'one')
    leader = first.wait_for_leader()
    first.host.must('systemctl', 'kill', '-s', 'KILL', leader)
    first.wait_for_leader(other_than=leader)
    row_arrives(first, application, 'after-the-kill')
    first.command('verify', 'acme')


def the_second_host_enrolls(first: Deployed, second: Deployed) -> None:
    """The first host plays the administrator's workstation."""
    first.host.must('sync-nodectl', 'deploy', 'prepare', '--yes', '--host', second.cluster, '--out', ENROLLMENT, *ADMIN)
    second.host.write(ENROLLMENT, first.host.path(ENROLLMENT).read_text(), 0o600)
    print(second.deploy('--enroll', ENROLLMENT), flush=True)
    second.host.must('rm', ENROLLMENT)
    second.wait_for_leader()
    assert second.login == 'sync_service_second_host', second.login
    found = second.host.run('grep', '-rlF', first.admin, '/etc', '/root', '/var/lib', '/run')
    assert found.output.strip() == '', f"the admin's password is in {found.output}"
    second.write_admin_url()
    second.make_client()
    second.host.must('rm', '/root/admin-url')
    second.arrives('first')
    sees_only_its_own(first, second)
    sees_only_its_own(second, first)


def a_new_password_is_the_hosts_own(first: Deployed, second: Deployed, application: Application) -> None:
    before, others = first.password, second.facts()
    first.deploy('--host-name', first.cluster, '--rotate-password', *ADMIN)
    assert first.password != before
    old = first.host.run('psql', '-XAtq', '-d', first.url().replace(first.password, before), give='SELECT 1')
    assert old.code != 0, 'the old password still opens'
    first.wait_for_leader()
    row_arrives(first, application, 'with-the-new-password')
    assert second.facts() == others, 'the other host was disturbed'
    second.arrives('with-the-old-password')


def docker_gets_ipv6(first: Deployed) -> None:
    first.host.write('/etc/docker/daemon.json', '{\n  "log-driver": "json-file"\n}\n')
    first.deploy('--host-name', first.cluster, '--docker-ipv6', *ADMIN)
    text = first.host.path('/etc/docker/daemon.json').read_text()
    settings = json.loads(text)
    assert settings['log-driver'] == 'json-file' and settings['ipv6'] is True and 'fixed-cidr-v6' in settings, text
    first.host.must('sync-nodectl', 'docker-ipv6', 'disable')
    assert json.loads(first.host.path('/etc/docker/daemon.json').read_text()) == {'log-driver': 'json-file'}


def another_volume_is_not_synced(first: Deployed, application: Application) -> None:
    first.host.must('systemctl', 'start', 'sync-node-inspect.service')
    row_arrives(first, application, 'in-the-right-place')
    first.host.must('docker', 'rm', '--force', CONTAINER)
    first.host.must('docker', 'volume', 'create', 'other-data')
    os.chown(first.host.path(VOLUME.replace('acme-data', 'other-data')), 1500, 1500)
    first.host.must(*(word.replace('acme-data', 'other-data') for word in RUN))
    first.host.must('systemctl', 'start', 'sync-node-inspect.service')
    sql = "SELECT error_message FROM sync_metadata.sync_jobs WHERE client_name = 'acme' AND status = 'failed' ORDER BY started_at DESC LIMIT 1"
    said = until('the leader refuses the old file', 60, lambda: first.psql(sql))
    assert 'other-data' in said, said
    first.host.must('docker', 'rm', '--force', CONTAINER)
    application.start()
    first.host.must('systemctl', 'start', 'sync-node-inspect.service')
    row_arrives(first, application, 'back-again')


def the_second_host_ends(first: Deployed, second: Deployed, application: Application) -> None:
    """Deregistered by the administrator, elsewhere."""
    end = ('sync-nodectl', 'deregister', second.cluster, '--yes', '--confirm', second.cluster, *ADMIN)
    before = first.facts()
    refused = first.host.run(*end)
    assert refused.code != 0 and second.client in refused.output and 'pause' in refused.output, refused
    second.command('client', 'pause', second.client)
    refused = first.host.run(*end)
    assert refused.code != 0 and 'leads' in refused.output, refused
    second.host.must('systemctl', 'disable', '--now', *NODES)
    # postgresql.service stands for its clusters and is stopped before they are: the cluster's own unit is waited for.
    cluster = first.host.must('systemctl', 'list-units', '--plain', '--no-legend', 'postgresql@*').split()[0]
    first.host.must('systemctl', 'stop', cluster)
    refused = first.host.run(*end)
    first.host.must('systemctl', 'start', cluster)
    assert refused.code != 0, refused
    until('the database is back', 30, lambda: first.psql('SELECT count(*) FROM sync_metadata.client_deployments') == '2')
    print(first.host.must(*end), flush=True)
    assert first.psql(TERMS).startswith(f'{first.cluster}|') and len(first.psql(TERMS).splitlines()) == 1, first.psql(TERMS)
    assert first.psql(f'SELECT count(*) > 0 FROM {second.schema}.message') == 't', 'the copy went too'
    assert first.facts() == before, 'the first host was disturbed'
    row_arrives(first, application, 'alone')


def main() -> int:
    if os.geteuid() != 0:
        print('booting a host needs root')
        return 77
    deb = package('sync-node_*.deb')
    with ExitStack() as stack:
        hosts = [stack.enter_context(BootedHost(dependencies(deb), docker=True)), stack.enter_context(BootedHost(dependencies(deb)))]
        address = join(hosts)[0]
        first = Deployed(hosts[0], cluster='first-host', address=address)
        second = Deployed(hosts[1], cluster='second-host', client='globex', address=address, project=first)
        application = Application(hosts[0])
        for host in hosts:
            host.must('apt-get', 'install', '-y', '-q', '--no-install-recommends', host.give(deb))
        the_first_host_is_deployed(first)
        a_containers_rows_arrive(first, application)
        the_second_host_enrolls(first, second)
        a_new_password_is_the_hosts_own(first, second, application)
        docker_gets_ipv6(first)
        another_volume_is_not_synced(first, application)
        the_second_host_ends(first, second, application)
    return 0


if __name__ == '__main__':
    sys.exit(main())
