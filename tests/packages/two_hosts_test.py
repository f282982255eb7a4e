"""
SQLite + Supabase Sync System - Two Booted Hosts, One Project

Two hosts joined by a cable, the project in the PostgreSQL of the first. Each has its own login, its own nodes and its own leader; each sees
its own rows only, whatever it asks; one is cut off by the power, and the other one does not notice.
"""

import os
import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from packages.operator_of_host import NODES, Operator, package  # noqa: E402
from support.booted_host import BootedHost, join  # noqa: E402
from support.host_root import dependencies  # noqa: E402
from support.nodes import until  # noqa: E402

TERMS = 'SELECT cluster_name, epoch, expires_at > clock_timestamp() FROM sync_metadata.leader_election ORDER BY 1'


def start(operator: Operator) -> None:
    operator.write_settings()
    operator.host.must('systemctl', 'start', *NODES)
    operator.wait_for_leader()
    operator.make_client()
    operator.arrives('first')


def sees_only_its_own(operator: Operator, other: Operator) -> None:
    """Asked with the login of the host, from the host, as whoever stole it would."""
    def ask(sql: str) -> str:
        return operator.host.run('psql', '-XAtq', '-d', operator.url(), give=sql).output.strip()

    for table in ('hosts', 'client_deployments', 'leader_election'):
        seen = ask(f'SELECT DISTINCT cluster_name FROM sync_metadata.{table}')
        assert seen == operator.cluster, f'{operator.cluster} sees {table} of {seen}'
    refused = ask(f'SELECT count(*) FROM {other.schema}.chat')
    assert 'permission denied' in refused, refused


def main() -> int:
    if os.geteuid() != 0:
        print('booting a host needs root')
        return 77
    deb = package('sync-node_*.deb')
    with ExitStack() as stack:
        hosts = [stack.enter_context(BootedHost(dependencies(deb))) for _ in range(2)]
        address = join(hosts)[0]
        first = Operator(hosts[0])
        second = Operator(hosts[1], cluster='second-host', client='globex', address=address, project=first)
        for host in hosts:
            host.must('apt-get', 'install', '-y', '-q', '--no-install-recommends', host.give(deb))
        first.make_project()
        start(first)
        before = [first.property(unit, 'MainPID') for unit in NODES]
        second.join_project()
        start(second)
        sees_only_its_own(first, second)
        sees_only_its_own(second, first)
        terms = first.psql(TERMS).splitlines()
        assert len(terms) == 2 and all(term.endswith('|t') for term in terms), terms
        hosts[1].stop()
        until("the second host's lease has run out", 40, lambda: first.psql(TERMS).splitlines()[1].endswith('|f'))
        assert first.psql(TERMS).splitlines()[0] == terms[0], f'the first host led anew: {first.psql(TERMS)}'
        assert [first.property(unit, 'MainPID') for unit in NODES] == before, 'a node of the first host was restarted'
        first.arrives('afterwards')
    return 0


if __name__ == '__main__':
    sys.exit(main())
