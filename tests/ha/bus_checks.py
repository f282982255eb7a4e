"""
SQLite + Supabase Sync System - The Bus Of Real Nodes

The object as an operator sees it with busctl: properties, work, refusals, signals at a failover.
"""

import json
import os
import pwd
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Set, Tuple
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.couple import Couple, expect, ok  # noqa: E402
from support.nodes import Node, PrivateBus, until  # noqa: E402
from support.private_postgres import SOURCE, die_with_parent  # noqa: E402

NAME, OBJECT = 'org.openwebui.SyncNode1', '/org/openwebui/SyncNode1'
ERROR = f'{NAME}.Error.'
STRANGER = pwd.getpwnam('daemon').pw_uid  # known to the host, and neither root nor whom the nodes run as


class Refused(Exception):
    """The name of a D-Bus error and its text."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f'{name}: {text}')
        self.name, self.text = name, text


def plain(value: Any) -> Any:
    """busctl's JSON without its types: a variant is what it holds."""
    if isinstance(value, dict):
        if set(value) == {'type', 'data'}:
            return plain(value['data'])
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def busctl(bus: PrivateBus, *arguments: str) -> Any:
    """The values of an answer; with --json every answer is one line."""
    done = subprocess.run(['busctl', f'--address={bus.address}', '--json=short', *arguments], capture_output=True, text=True, timeout=40)
    if done.returncode != 0:
        raise Refused('', done.stderr.strip())
    return plain(json.loads(done.stdout)) if done.stdout.strip() else None


def call(bus: PrivateBus, method: str, signature: str = '', *arguments: str, service: str = NAME) -> Any:
    """`method` is `Interface.Method` behind our prefix."""
    interface, _, name = method.rpartition('.')
    try:
        values = busctl(bus, 'call', service, OBJECT, f'{NAME}.{interface}', name, *([signature, *arguments] if signature else []))
    except Refused as error:
        raise RuntimeError(f'{method}: {error}') from error
    return values[0] if values else None


def refusal(bus: PrivateBus, method: str, *arguments: str, service: str = NAME, uid: Optional[int] = None) -> Refused:
    """The error of a call that must fail, by gdbus, which tells its name; arguments as GVariant texts."""
    who = ['setpriv', f'--reuid={uid}', f'--regid={uid}', '--clear-groups'] if uid is not None else []
    done = subprocess.run([*who, 'gdbus', 'call', '--system', '--timeout=20', f'--dest={service}', f'--object-path={OBJECT}',
                           f'--method={NAME}.{method}', *arguments], capture_output=True, text=True, timeout=40,
                          env={**os.environ, 'DBUS_SYSTEM_BUS_ADDRESS': bus.address})
    assert done.returncode != 0, f'{method} was not refused: {done.stdout}'
    name, _, text = done.stderr.strip().partition('GDBus.Error:')[2].partition(': ')
    assert name, done.stderr
    return Refused(name, text)


def prop(bus: PrivateBus, name: str, service: str = NAME, interface: str = 'Leader') -> Any:
    return busctl(bus, 'get-property', service, OBJECT, f'{NAME}.{interface}', name)


def own_name(node: Node) -> str:
    return f'{NAME}.{node.letter}'


def signatures(xml: str) -> Set[Tuple[str, str, str]]:
    """(interface, member, types) of our interfaces."""
    found = set()
    for interface in ElementTree.fromstring(xml).iter('interface'):
        if interface.get('name', '').startswith(NAME):
            for member in interface:
                types = ' '.join(f'{arg.get("direction") or ("out" if member.tag == "signal" else "in")}:{arg.get("type")}'
                                 for arg in member.iter('arg'))
                found.add((interface.get('name', ''), member.get('name', ''), member.get('type', '') or types))
    return found


class Signals:
    """What the nodes say on the bus, from the moment this returns."""

    def __init__(self, bus: PrivateBus) -> None:
        self.heard: List[Dict[str, Any]] = []
        self.news = threading.Condition()
        self.process = subprocess.Popen(['busctl', f'--address={bus.address}', '--json=short', f"--match=type='signal',path='{OBJECT}'", 'monitor'],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        assert self.process.stderr is not None and 'Monitoring' in self.process.stderr.readline()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.news:
                self.heard.append(json.loads(line))
                self.news.notify_all()

    def wait(self, what: str, test: Callable[[str, Any], bool], seconds: float = 10) -> Any:
        """The values of the first signal that fits."""
        def found() -> Any:
            return next((values for signal in self.heard for values in [plain(signal['payload']['data'])] if test(signal['member'], values)), None)

        with self.news:
            assert self.news.wait_for(lambda: found() is not None, seconds), f'no signal {what} in {seconds} s: {[s["member"] for s in self.heard]}'
            return found()

    def __enter__(self) -> 'Signals':
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def check_object(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    epoch = leader.health()['epoch']
    promised = signatures((SOURCE / f'units/dbus/{NAME}.xml').read_text())
    for node in nodes.nodes:
        done = subprocess.run(['busctl', f'--address={nodes.bus.address}', '--xml-interface', 'introspect', own_name(node), OBJECT],
                              capture_output=True, text=True, check=True)
        assert promised <= signatures(done.stdout), f'promised and not there: {promised - signatures(done.stdout)}'
    for node, leads in [(leader, True), (follower, False)]:
        found = {name: prop(nodes.bus, name, own_name(node)) for name in ['NodeId', 'ClusterName', 'IsLeader', 'LeaderId', 'Epoch']}
        expect(f'properties of {node.letter}', found, {'NodeId': node.node_id, 'ClusterName': 'test-host', 'IsLeader': leads,
                                                     'LeaderId': leader.node_id, 'Epoch': epoch})
    left = prop(nodes.bus, 'LeaseExpiresUSec') / 1e6 - time.time()
    assert 0 < left < 61, f'the lease ends in {left} s'
    expect('who answers to the name without a letter', prop(nodes.bus, 'NodeId'), leader.node_id)
    expect('the version', prop(nodes.bus, 'Version', interface='Node'), leader.health()['version'])
    health = call(nodes.bus, 'Node.GetHealth', service=own_name(follower))['leadership']
    expect('health over the bus', (health['is_leader'], health['leader_id'], health['cluster_name']), (False, leader.node_id, 'test-host'))
    hosts = call(nodes.bus, 'Node.GetCluster')
    expect('the cluster over the bus', sorted(host['is_leader'] for host in hosts), [False, True])
    ok('introspection, properties, health and cluster')


def check_refusals(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    bus, other = nodes.bus, own_name(follower)
    no_job = '"01234567-89ab-cdef-0123-456789abcdef"'
    changes = [('Sync.Trigger', '"one"', '{}'), ('Sync.Pause', '"one"'), ('Sync.Resume', '"one"'),
               ('Sync.Cancel', no_job), ('Leader.StepDown',), ('Conflicts.Resolve', no_job, '"source"', '{}'),
               ('Conflicts.ResolveAll', "{'client_name': <'one'>}", '"source"')]
    for method, *arguments in changes:
        error = refusal(bus, method, *arguments, service=other)
        expect(f'{method} of the follower', error.name, ERROR + 'NotLeader')
        assert leader.node_id in error.text and 'hint: ' in error.text, error.text
    expect('an unknown client', refusal(bus, 'Sync.Trigger', '"nobody"', '{}').name, ERROR + 'NoSuchClient')
    expect('an unknown option', refusal(bus, 'Sync.Trigger', '"one"', "{'fast': <true>}").name, ERROR + 'InvalidArgument')
    expect('a full verify', refusal(bus, 'Sync.Trigger', '"one"', "{'full': <true>, 'verify': <true>}").name, ERROR + 'InvalidArgument')
    expect('an unknown job', refusal(bus, 'Sync.GetJob', no_job).name, ERROR + 'NoSuchJob')
    expect('no job id', refusal(bus, 'Sync.GetJob', '"7"').name, ERROR + 'InvalidArgument')
    expect('an unknown conflict', refusal(bus, 'Conflicts.Resolve', no_job, '"source"', '{}').name, ERROR + 'NoSuchConflict')
    expect('an unknown conflict to show', refusal(bus, 'Conflicts.Show', no_job).name, ERROR + 'NoSuchConflict')
    expect('the conflicts of nobody', refusal(bus, 'Conflicts.ResolveAll', "{'client_name': <'nobody'>}", '"source"').name, ERROR + 'NoSuchClient')
    for filter_, choice in [('{}', '"source"'), ("{'client_name': <'one'>}", '"value"'), ("{'client_name': <'one'>, 'table': <'chat'>}", '"source"'),
                            ("{'client_name': <'one'>, 'table_name': <''>}", '"source"')]:
        expect(f'{filter_} {choice}', refusal(bus, 'Conflicts.ResolveAll', filter_, choice).name, ERROR + 'InvalidArgument')
    expect('an unknown key', refusal(bus, 'State.Get', '"nothing"').name, ERROR + 'NotFound')
    if os.geteuid() == 0:
        secrets = [('Sync.ListDeployments',), ('Sync.ListJobs', '""', '5'), ('Sync.GetJob', no_job), ('State.Get', '"x"'),
                   ('State.Set', '"x"', '"1"'), ('Conflicts.List', '{}'), ('Conflicts.Show', no_job)]
        for service in [NAME, other]:
            for method, *arguments in [*changes, *secrets]:
                expect(f'{method} by a stranger', refusal(bus, method, *arguments, service=service, uid=STRANGER).name, ERROR + 'NotAuthorized')
    ok('the follower names the leader; what is unknown has its error; a stranger may do nothing')


def check_work(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    with Signals(nodes.bus) as signals:
        job_id = call(nodes.bus, 'Sync.Trigger', 'sa{sv}', 'one', '1', 'full', 'b', 'true')
        signals.wait('JobStarted', lambda member, values: member == 'JobStarted' and values == [job_id, 'one'], 20)
        signals.wait('JobFinished', lambda member, values: member == 'JobFinished' and values == [job_id, 'one', 'success'], 20)
    job = call(nodes.bus, 'Sync.GetJob', 's', job_id)
    expect('the job', (job['job_id'], job['client_name'], job['status'], job['epoch']), (job_id, 'one', 'success', leader.health()['epoch']))
    expect('asked the follower', call(nodes.bus, 'Sync.GetJob', 's', job_id, service=own_name(follower))['status'], 'success')
    expect('the list', call(nodes.bus, 'Sync.ListJobs', 'su', 'one', '1')[0]['job_id'], job_id)
    assert 'report' not in job, job
    verify = call(nodes.bus, 'Sync.Trigger', 'sa{sv}', 'one', '1', 'verify', 'b', 'true')
    job = until('the verify to end', 20, lambda: ended(nodes, verify))
    expect('the verify', (job['status'], job['sync_type'], json.loads(job['report'])['equal']), ('success', 'verify', True))
    call(nodes.bus, 'State.Set', 'ss', 'bus', '{"a": [1, 2]}')
    expect('a value', json.loads(busctl(nodes.bus, 'call', NAME, OBJECT, f'{NAME}.State', 'Get', 's', 'bus')[0]), {'a': [1, 2]})
    expect('no conflicts', call(nodes.bus, 'Conflicts.List', 'a{sv}', '1', 'limit', 'x', '5'), [])
    ok('Trigger on the shared name is the leader\'s job, with its signals; state and lists')


class Locked:
    """A table nobody else can write while the body runs: the sync that wants to waits there."""

    def __init__(self, nodes: Couple, table: str) -> None:
        self.process = subprocess.Popen(['psql', '-X', '-q', '-A', '-t', '-d', nodes.product.server.superuser_url()], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE;\nSELECT 'locked';\n")
        self.process.stdin.flush()
        expect('the lock', self.process.stdout.readline().strip(), 'locked')

    def __enter__(self) -> 'Locked':
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def touch(path: str) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE chat SET title = title || '!'")
    database.close()


def check_cancel(nodes: Couple, paths: Dict[str, str]) -> None:
    """With one worker: `one` runs, held by a lock, so `two` waits."""
    leader, _ = nodes.roles()
    bus = nodes.bus

    def status(job_id: str) -> str:
        return str(call(bus, 'Sync.GetJob', 's', job_id)['status'])

    touch(paths['one'])
    with Locked(nodes, f'{nodes.product.schema("one")}.chat'):
        running = call(bus, 'Sync.Trigger', 'sa{sv}', 'one', '0')
        until('the job to run', 15, lambda: status(running) == 'running')
        waiting = call(bus, 'Sync.Trigger', 'sa{sv}', 'two', '0')
        expect('the other job', status(waiting), 'pending')
        expect('a second wish for it is the same job', call(bus, 'Sync.Trigger', 'sa{sv}', 'two', '0'), waiting)
        jobs = leader.health()['jobs']
        expect('health', (jobs['running'], jobs['waiting']), (1, 1))
        call(bus, 'Sync.Cancel', 's', waiting)
        expect('the waiting job', status(waiting), 'cancelled')
        until('the lock to be waited for', 15, lambda: nodes.product.server.superuser_psql("SELECT count(*) FROM pg_locks WHERE NOT granted") != '0')
        began = time.monotonic()
        call(bus, 'Sync.Cancel', 's', running)
        until('the running job to end', 15, lambda: status(running) == 'cancelled')
        spent = time.monotonic() - began
    # The row is final a moment before the worker is free.
    until('the worker to be free', 5, lambda: leader.health()['jobs']['running'] == 0)
    expect('cancelled again', refusal(bus, 'Sync.Cancel', f'"{running}"').name, ERROR + 'FailedPrecondition')
    assert spent < 5, f'cancelling took {spent:.1f} s'
    call(bus, 'State.Set', 'ss', 'deployment.one', '{"sync_interval": 1}')
    call(bus, 'Sync.Resume', 's', 'one')
    expect('resumed', {d['client_name']: d['sync_enabled'] for d in call(bus, 'Sync.ListDeployments')}, {'one': True, 'two': False})
    until('the resumed client to be synced', 20, lambda: synced(nodes, 'one'))
    call(bus, 'Sync.Pause', 's', 'one')
    expect('paused', {d['client_name']: d['sync_enabled'] for d in call(bus, 'Sync.ListDeployments')}, {'one': False, 'two': False})
    nodes.product.must('sync-nodectl', 'client', 'pause', 'one')
    call(bus, 'Sync.Resume', 's', 'one')
    expect('resumed after a pause by sync-nodectl', nodes.product.psql(
        "SELECT sync_enabled, status FROM sync_metadata.client_deployments WHERE client_name = 'one'"), 't|active')
    call(bus, 'Sync.Pause', 's', 'one')
    ok(f'a waiting and a running job are cancelled (the running one in {spent * 1000:.0f} ms); pause and resume')


def synced(nodes: Couple, name: str) -> bool:
    latest = call(nodes.bus, 'Sync.ListJobs', 'su', name, '1')
    return bool(latest) and latest[0]['status'] == 'success'


def check_failover(nodes: Couple) -> None:
    """Both signals, the shared name, and never two leaders in the view."""
    leader, follower = nodes.roles()
    epoch = leader.health()['epoch']
    leaders: List[int] = []

    def taken() -> bool:
        found = nodes.product.psql("SELECT count(*) FILTER (WHERE is_leader), coalesce(max(leader_id) FILTER (WHERE is_leader), '') "
                                   'FROM sync_metadata.v_cluster_health')
        count, _, who = found.partition('|')
        leaders.append(int(count))
        return count == '1' and who == follower.node_id

    expect('leaders in v_cluster_health', nodes.product.psql('SELECT count(*) FROM sync_metadata.v_cluster_health WHERE is_leader'), '1')
    with Signals(nodes.bus) as signals:
        leader.kill()
        until('the view to show the other node', 10, taken)
        changed = signals.wait('LeadershipChanged', lambda member, values: member == 'LeadershipChanged' and values[0] is True)
        expect('LeadershipChanged', changed, [True, follower.node_id, epoch + 1])
        signals.wait('PropertiesChanged', lambda member, values: member == 'PropertiesChanged' and values[0] == f'{NAME}.Leader'
                     and values[1].get('IsLeader') is True)
    assert set(leaders) <= {0, 1}, f'leaders in the view: {leaders}'
    until('the shared name to be the new leader\'s', 5, lambda: prop(nodes.bus, 'NodeId') == follower.node_id)
    job_id = call(nodes.bus, 'Sync.Trigger', 'sa{sv}', 'two', '0')
    job = until('its job to end', 20, lambda: ended(nodes, job_id))
    expect('the job of the new leader', (job['status'], job['epoch']), ('success', epoch + 1))
    leader.start()
    until('the killed node to know who leads', 10, lambda: leader.health()['leader_id'] == follower.node_id)
    ok('a failover: both signals, the shared name, one leader in v_cluster_health at all times')


def ended(nodes: Couple, job_id: str) -> Any:
    job = call(nodes.bus, 'Sync.GetJob', 's', job_id)
    return job if job['status'] not in ('pending', 'running') else None
