"""
SQLite + Supabase Sync System - Metrics Of Real Nodes

The reference's twelve names, and every counter a real node can move seen moving.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.bus_checks import touch  # noqa: E402
from ha.couple import Couple, expect, ok  # noqa: E402
from support.nodes import Node, until  # noqa: E402

NAMES = ['sync_leader_election_attempts_total', 'sync_leader_election_successes_total', 'sync_leader_election_failures_total', 'sync_is_leader',
         'sync_operations_total', 'sync_operation_duration_seconds', 'sync_rows_synced_total', 'sync_conflicts_detected_total',
         'sync_conflicts_resolved_total', 'sync_cache_hits_total', 'sync_cache_misses_total', 'sync_cache_evictions_total']


def text_of(node: Node) -> str:
    return str(node.http('GET', '/metrics', token=None).body)


def values(node: Node) -> Dict[str, float]:
    """By name with labels."""
    lines = [line.rpartition(' ') for line in text_of(node).splitlines() if line and not line.startswith('#')]
    return {name: float(value) for name, _, value in lines}


def check_names(nodes: Couple) -> None:
    for node in nodes.nodes:
        text = text_of(node)
        for name in NAMES:
            assert f'# HELP {name} ' in text and f'# TYPE {name} ' in text, f'{name} is missing'
        if shutil.which('promtool'):
            done = subprocess.run(['promtool', 'check', 'metrics'], input=text, capture_output=True, text=True)
            assert done.returncode == 0 and not done.stderr.strip(), done.stdout + done.stderr
    leader, follower = nodes.roles()
    expect('who leads', (values(leader)['sync_is_leader'], values(follower)['sync_is_leader']), (1, 0))
    expect('the epoch', values(follower)['sync_epoch'], leader.health()['epoch'])
    expect('the database', values(leader)['sync_database_up'], 1)
    assert 0 < values(leader)['sync_lease_left_seconds'] <= 60
    expect('clients, known by the leader only', ('sync_clients' in values(follower)), False)
    ok('the twelve names, on both nodes' + ('; promtool has nothing to say' if shutil.which('promtool') else ''))


def check_counters(nodes: Couple, path: str) -> None:
    leader, follower = nodes.roles()

    def moves(what: str, name: str, node: Node, by: Optional[float], was: Dict[str, float]) -> None:
        until(f'{what} to move {name}', 10, lambda: values(node)[name] > was[name])
        if by is not None:
            expect(name, values(node)[name] - was[name], by)

    # The node's main loop counts them, once a second.
    for name in ['sync_leader_election_attempts_total', 'sync_leader_election_successes_total']:
        until(f'{name} to count the election', 10, lambda: values(leader)[name] >= 1)
    expect('failures without a failure', values(leader)['sync_leader_election_failures_total'], 0)

    was = values(leader)
    touch(path)
    run(leader, 'one', 'success')
    moves('a sync', 'sync_operations_total{status="success"}', leader, 1, was)
    moves('a sync', 'sync_operation_duration_seconds_count', leader, 1, was)
    moves('20 changed chats', 'sync_rows_synced_total', leader, 20, was)

    was = values(leader)
    run(leader, 'one', 'success', verify=True)
    moves('a verify', 'sync_verifications_total{result="equal"}', leader, 1, was)
    expect('a verify as an operation', values(leader)['sync_operations_total{status="success"}'] - was['sync_operations_total{status="success"}'], 0)

    was = values(leader)
    hidden = Path(path + '.hidden')
    Path(path).rename(hidden)
    run(leader, 'one', 'failed')
    hidden.rename(path)
    moves('a database that is gone', 'sync_operations_total{status="failed"}', leader, 1, was)

    was = values(follower)
    key = '/api/v1/state/metric'
    expect('a write', leader.http('PUT', key, {'value': 1}).status, 200)
    expect('a read', follower.http('GET', key).body['cached'], False)
    moves('a read', 'sync_cache_misses_total', follower, None, was)
    until('a read from the cache', 5, lambda: follower.http('GET', key).body['cached'])
    moves('the same read', 'sync_cache_hits_total', follower, 1, was)
    ok('runs, failures, rows, cache hits and misses are counted')


def check_client(nodes: Couple, name: str, path: str) -> None:
    """What a failed sync, a lag and a pause do to the series of a client."""
    leader, _ = nodes.roles()

    def series(family: str) -> Optional[float]:
        return values(leader).get(f'{family}{{client="{name}"}}')

    nodes.product.must('sync-nodectl', 'client', 'set-interval', name, '3600')
    expect('resume', leader.http('POST', f'/api/v1/deployments/{name}/resume').status, 200)
    run(leader, name, 'success')
    until('a client that is well', 10, lambda: series('sync_client_failing') == 0)
    hidden = Path(path + '.hidden')
    Path(path).rename(hidden)
    run(leader, name, 'failed')
    until('a client whose sync failed', 10, lambda: series('sync_client_failing') == 1)
    hidden.rename(path)
    run(leader, name, 'success')
    until('a client that is well again', 10, lambda: series('sync_client_failing') == 0)
    touch(path)
    until('what was written to be lag', 10, lambda: (series('sync_client_lag_seconds') or 0) > 0)
    expect('who lags most', leader.health()['worst_lag']['client_name'], name)
    expect('pause', leader.http('POST', f'/api/v1/deployments/{name}/pause').status, 200)
    until('a paused client to have no lag', 10, lambda: series('sync_client_lag_seconds') is None)
    expect('other series of a paused client', (series('sync_client_failing'), series('sync_client_starved')), (None, None))
    expect('who lags most beside a paused client', leader.health()['worst_lag'], {'client_name': None, 'seconds': None})
    touch(path)
    expect('the lag of a paused client that is written to', series('sync_client_lag_seconds'), None)
    ok('a failed sync and a lag are told of a client, until it is paused')


def run(node: Node, client: str, wanted: str, **asked: bool) -> None:
    begun = node.http('POST', '/api/v1/sync/trigger', {'client_name': client, **asked})
    expect('a trigger', begun.status, 202)
    where = begun.headers['Location']
    until(f'the job to end {wanted}', 20, lambda: node.http('GET', where).body['status'] == wanted)
