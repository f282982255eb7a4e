"""
SQLite + Supabase Sync System - HTTP Of Real Nodes

Every endpoint with its success and its refusals, and what strangers may do to it: slow, many, large. The state is in state_test.py.
"""

import json
import resource
import select
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.couple import Couple, expect, ok  # noqa: E402
from support.nodes import TOKEN, Answer, Node, until  # noqa: E402

API = '/api/v1'
NO_JOB = '01234567-89ab-cdef-0123-456789abcdef'
REQUEST_SECONDS = 10  # from a request's first byte to its last
RSS_LIMIT_MB = 64

# (method, path, body of a good request)
NEEDS_TOKEN: List[Tuple[str, str, Any]] = [
    ('GET', f'{API}/state/x', None), ('PUT', f'{API}/state/x', {'value': 1}), ('POST', f'{API}/sync/trigger', {'client_name': 'one'}),
    ('GET', f'{API}/sync/jobs', None), ('GET', f'{API}/sync/jobs/{NO_JOB}', None), ('POST', f'{API}/sync/jobs/{NO_JOB}/cancel', None),
    ('GET', f'{API}/deployments', None), ('POST', f'{API}/deployments/one/pause', None), ('POST', f'{API}/deployments/one/resume', None),
    ('POST', f'{API}/leader/step-down', None), ('GET', f'{API}/conflicts', None),
    ('GET', f'{API}/conflicts/{NO_JOB}', None), ('POST', f'{API}/conflicts/resolve', {'client_name': 'one', 'choice': 'source'}),
    ('POST', f'{API}/conflicts/{NO_JOB}/resolve', {'choice': 'source'})]
OPEN = ['/', '/health', '/metrics', f'{API}/cluster/status']


def refused(what: str, answer: Answer, status: int, word: str) -> None:
    """A refusal says the stable word, what is wrong, and what to do."""
    expect(what, (answer.status, answer.body.get('error') if isinstance(answer.body, dict) else answer.body), (status, word))
    assert answer.body['detail'] and 'hint' in answer.body, answer.body


def connect(node: Node, port: int, timeout: float = 15) -> socket.socket:
    return socket.create_connection(('127.0.0.1', port), timeout)


def raw(node: Node, request: bytes, timeout: float = 15) -> bytes:
    """Sends bytes as they are; what comes until the node hangs up or has answered once."""
    with connect(node, node.api_port(), timeout) as guest:
        try:
            guest.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already
        answer = b''
        try:
            while b'\r\n\r\n' not in answer:
                piece = guest.recv(65536)
                if not piece:
                    break
                answer += piece
        except ConnectionResetError:
            pass
        return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b' ', 2)[1]) if answer.startswith(b'HTTP/') else 0


def rss_mb(node: Node) -> float:
    text = Path(f'/proc/{node.pid}/status').read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith('VmRSS'))) / 1024


def check_open(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    for node in nodes.nodes:
        for path in OPEN:
            expect(f'GET {path} without a token', node.http('GET', path, token=None).status, 200)
            expect(f'HEAD {path}', (node.http('HEAD', path, token=None).status, node.http('HEAD', path, token=None).body), (200, ''))
    health = leader.health()
    expect('the health of the leader', (health['status'], health['is_leader'], health['node_id'], health['role'], health['cluster_name']),
           ('healthy', True, leader.node_id, f'node-{leader.letter}', 'test-host'))
    assert 0 < health['lease_seconds_left'] <= 60 and health['database']['reachable'], health
    other = follower.health()
    expect('the health of the follower', (other['is_leader'], other['leader_id'], other['epoch'], other['clients']['total']),
           (False, leader.node_id, health['epoch'], None))
    hosts = follower.http('GET', f'{API}/cluster/status', token=None).body
    expect('the cluster', (hosts['cluster_name'], len(hosts['hosts']), sum(host['is_leader'] for host in hosts['hosts'])), ('test-host', 2, 1))
    listed = leader.http('GET', '/', token=None).body['endpoints']
    for method, path, _ in NEEDS_TOKEN:
        assert any(entry.startswith(f'{method} {path.split("/x")[0].split("/" + NO_JOB)[0].split("/one")[0]}') for entry in listed), (path, listed)
    ok('what is open answers on both nodes, HEAD too')


def check_strangers(nodes: Couple) -> None:
    before = nodes.product.psql('SELECT count(*) FROM sync_metadata.sync_jobs')
    for node in nodes.nodes:
        for method, path, body in NEEDS_TOKEN:
            refused(f'{method} {path} without a token', node.http(method, path, body, token=None), 401, 'unauthorized')
            refused(f'{method} {path} with a wrong one', node.http(method, path, body, token=TOKEN[:-1] + 'x'), 401, 'unauthorized')
        refused('a foreign Host', node.http('GET', '/health', token=None, Host='evil.example'), 421, 'misdirected_request')
        refused('a foreign Host with the token', node.http('GET', f'{API}/state/x', Host='evil.example:80'), 421, 'misdirected_request')
        expect('localhost', node.http('GET', '/health', token=None, Host='localhost').status, 200)
    expect('jobs begun by strangers', nodes.product.psql('SELECT count(*) FROM sync_metadata.sync_jobs'), before)
    ok('no token, a wrong token, a foreign Host: refused, and nothing happened')


def check_nonsense(nodes: Couple) -> None:
    leader = nodes.leader()
    refused('bad JSON', leader.http('PUT', f'{API}/state/x', b'{"value":'), 400, 'invalid_argument')
    refused('a member twice', leader.http('PUT', f'{API}/state/x', b'{"value":1,"value":2}'), 400, 'invalid_argument')
    refused('an unknown member', leader.http('POST', f'{API}/sync/trigger', {'client_name': 'one', 'fullsync': True}), 400, 'invalid_argument')
    refused('a text for a flag', leader.http('POST', f'{API}/sync/trigger', {'client_name': 'one', 'full_sync': 'yes'}), 400, 'invalid_argument')
    refused('a full verify', leader.http('POST', f'{API}/sync/trigger', {'client_name': 'one', 'full_sync': True, 'verify': True}), 400, 'invalid_argument')
    refused('an unknown client', leader.http('POST', f'{API}/sync/trigger', {'client_name': 'nobody'}), 404, 'not_found')
    refused('no client name', leader.http('POST', f'{API}/sync/trigger', {'client_name': "o'; DROP"}), 400, 'invalid_argument')
    refused('an unknown job', leader.http('GET', f'{API}/sync/jobs/{NO_JOB}'), 404, 'not_found')
    refused('no job id', leader.http('GET', f'{API}/sync/jobs/7'), 400, 'invalid_argument')
    refused('cancel of an unknown job', leader.http('POST', f'{API}/sync/jobs/{NO_JOB}/cancel'), 404, 'not_found')
    refused('pause of an unknown client', leader.http('POST', f'{API}/deployments/nobody/pause'), 404, 'not_found')
    refused('an unknown conflict', leader.http('POST', f'{API}/conflicts/{NO_JOB}/resolve', {'choice': 'source'}), 404, 'not_found')
    refused('an unknown choice', leader.http('POST', f'{API}/conflicts/{NO_JOB}/resolve', {'choice': 'mine'}), 400, 'invalid_argument')
    refused('a limit of 0', leader.http('GET', f'{API}/conflicts?limit=0'), 400, 'invalid_argument')
    refused('a limit of a million', leader.http('GET', f'{API}/sync/jobs?limit=1000000'), 400, 'invalid_argument')
    refused('another method', leader.http('DELETE', f'{API}/state/x'), 405, 'method_not_allowed')
    for path in ['/api/v1/state/../../../etc/passwd', '/api/v1/state/%2e%2e%2f%2e%2e%2fetc%2fpasswd', '/api/v1/state/..%2fx', '/api/v1/state/',
                 '/api/v1/state/a/b', '/api/v1/state/%00', '/api/v1/state/%252e%252e', '/api/v1/state/' + 'k' * 201, '/%2e%2e/etc/passwd']:
        answer = leader.http('GET', path)
        assert answer.status in (400, 404) and 'root:' not in str(answer.body), (path, answer)
    ok('bad JSON, unknown names, paths that climb: refused with a word and a hint')


def check_large(nodes: Couple) -> None:
    leader = nodes.leader()
    head = (f'PUT {API}/state/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n')
    before = rss_mb(leader)
    answer = raw(leader, head.encode() + b'Content-Length: 10485760\r\n\r\n')
    expect('10 MB, announced', status_of(answer), 413)
    answer = raw(leader, head.encode() + b'Content-Length: 10485760\r\n\r\n' + b'x' * 10485760)
    assert status_of(answer) in (413, 0), answer[:100]  # or its answer was lost to our own sending
    answer = raw(leader, head.encode() + b'Transfer-Encoding: chunked\r\n\r\n' + b'100000\r\n' + b'x' * 0x100000 + b'\r\n' + b'200000\r\n' + b'x' * 0x200000)
    assert status_of(answer) in (411, 413, 0), answer[:100]
    stranger = head.replace(TOKEN, 'x' * len(TOKEN))
    expect('a body of a stranger', status_of(raw(leader, stranger.encode() + b'Content-Length: 1000000\r\n\r\n')), 401)
    answer = raw(leader, b'GET /health HTTP/1.1\r\nHost: localhost\r\nX: ' + b'y' * 20000 + b'\r\n\r\n')
    expect('a head of 20 kB', status_of(answer), 431)
    for smuggled in [b'Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd', b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc']:
        assert status_of(raw(leader, head.encode() + smuggled)) in (400, 411), smuggled
    assert rss_mb(leader) < before + 8, f'{before} → {rss_mb(leader)} MB'
    ok(f'10 MB is refused by its head; the node has {rss_mb(leader):.0f} MB')


def check_work(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    refused('a trigger on the follower', follower.http('POST', f'{API}/sync/trigger', {'client_name': 'one'}), 403, 'not_leader')
    said = follower.http('POST', f'{API}/sync/trigger', {'client_name': 'one'}).body
    assert leader.node_id in said['detail'] + said['hint'], said
    for method, path, body in NEEDS_TOKEN:
        if method == 'POST':
            refused(f'{path} on the follower', follower.http(method, path, body), 403, 'not_leader')
    begun = leader.http('POST', f'{API}/sync/trigger', {'client_name': 'one', 'full_sync': True})
    expect('a trigger', (begun.status, begun.body['client'], begun.body['status'], begun.body['full_sync']), (202, 'one', 'queued', True))
    where = begun.headers['Location']
    expect('where its job is', where, f'{API}/sync/jobs/{begun.body["job_id"]}')
    job = until('the job to end', 20, lambda: ended(leader.http('GET', where).body))
    expect('the job', (job['status'], job['client_name'], job['epoch']), ('success', 'one', leader.health()['epoch']))
    assert job['tables'] and all(table['status'] == 'success' for table in job['tables']), job
    expect('the same job, asked the follower', follower.http('GET', where).body['status'], 'success')
    # The row is final a moment before the worker is free.
    until('the worker to be free', 5, lambda: leader.health()['jobs']['running'] == 0)
    refused('cancel of a job that is over', leader.http('POST', f'{where}/cancel'), 409, 'failed_precondition')
    listed = leader.http('GET', f'{API}/sync/jobs?client_name=one&limit=1').body['jobs']
    expect('the list of jobs', [entry['job_id'] for entry in listed], [begun.body['job_id']])
    for verb, enabled in [('resume', True), ('pause', False)]:
        expect(verb, leader.http('POST', f'{API}/deployments/one/{verb}').body, {'client': 'one', 'sync_enabled': enabled})
        shown = {entry['client_name']: entry['sync_enabled'] for entry in follower.http('GET', f'{API}/deployments').body['deployments']}
        expect(f'{verb}, seen by the follower', shown['one'], enabled)
    expect('conflicts', leader.http('GET', f'{API}/conflicts?limit=5&include_resolved=true').body, {'conflicts': []})
    ok('trigger, job, list, pause, resume; the follower names the leader')


def check_verify(nodes: Couple) -> None:
    """Beside both nodes: equal, then with a row that somebody changed in the copy."""
    leader, follower = nodes.roles()

    def verified(asked: Dict[str, bool], on: Node = leader) -> Dict[str, Any]:
        begun = on.http('POST', f'{API}/sync/trigger', {'client_name': 'one', **asked})
        expect('a trigger', (begun.status, begun.body['verify']), (202, asked.get('verify', False)))
        return dict(until('the job to end', 20, lambda: ended(leader.http('GET', begun.headers['Location']).body)))

    verify = {'verify': True}
    refused('a verify on the follower', follower.http('POST', f'{API}/sync/trigger', {'client_name': 'one', **verify}), 403, 'not_leader')
    job = verified(verify)
    expect('an equal copy', (job['status'], job['sync_type'], job['report']['equal'], job['error']), ('success', 'verify', True, None))
    tables = {table['name']: table for table in job['report']['tables']}
    expect('what was compared', (tables['chat']['source_rows'], tables['chat']['copy_rows']), (20, 20))
    forged = nodes.product.psql(f"UPDATE {nodes.product.schema('one')}.chat SET title = 'forged' "
                                                 f"WHERE id = (SELECT min(id) FROM {nodes.product.schema('one')}.chat) RETURNING id").splitlines()[0]
    job = verified(verify)
    expect('a forged copy', (job['status'], job['report']['equal']), ('differs', False))
    differing = {table['name']: table['differing'] for table in job['report']['tables'] if not table['equal']}
    expect('what is named', differing, {'chat': [f"chat id='{forged}': differs"]})
    assert '1 rows in 1 of' in job['error'] and 'sync one --full' in job['error'], job['error']
    shown = follower.http('GET', f'{API}/sync/jobs/{job["job_id"]}').body
    expect('asked the follower', shown['report'], job['report'])
    listed = leader.http('GET', f'{API}/sync/jobs?client_name=one&limit=1').body['jobs'][0]
    expect('the list', (listed['status'], listed['report']), ('differs', None))
    assert leader.http('GET', f'{API}/sync/jobs/{job["job_id"]}', token=None).status == 401
    expect('the client\'s last sync', nodes.product.psql("SELECT last_sync_status, last_job_status FROM sync_metadata.v_sync_status "
                                                         "WHERE client_name = 'one'"), 'success|success')
    expect('the cure', verified({'full_sync': True})['status'], 'success')
    expect('cured', verified(verify)['status'], 'success')
    until('the worker to be free', 5, lambda: leader.health()['jobs']['running'] == 0)
    ok('a verify beside both nodes: equal, forged and named, cured')


def ended(job: Dict[str, Any]) -> Any:
    return job if job['status'] not in ('pending', 'running') else None


def check_step_down(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    expect('step-down', leader.http('POST', f'{API}/leader/step-down').status, 202)
    until('the other node to lead', 5, lambda: follower.health()['is_leader'])
    expect('who stepped down', leader.health()['is_leader'], False)
    ok('step-down hands over')


class Dripping(threading.Thread):
    """Guests that send a byte now and then and never finish; how long the node bore each."""

    def __init__(self, node: Node, count: int) -> None:
        super().__init__(daemon=True)
        self.port, self.count = node.api_port(), count
        self.lasted: List[float] = []
        self.connected = threading.Event()
        self.start()

    def run(self) -> None:
        guests: Dict[socket.socket, float] = {}
        for _ in range(self.count):
            guest = socket.create_connection(('127.0.0.1', self.port), 15)
            guest.send(b'G')
            guests[guest] = time.monotonic()
        self.connected.set()
        while guests:
            readable, _, _ = select.select(list(guests), [], [], 0.5)
            for guest in readable:
                self.lasted.append(time.monotonic() - guests.pop(guest))
                guest.close()
            for guest in guests:
                try:
                    guest.send(b'E')
                except OSError:
                    pass  # seen as readable next time


def check_slow(drips: Dripping) -> None:
    """`drips` began long ago, beside the other checks."""
    drips.join(REQUEST_SECONDS * 3)
    expect('dripping guests that were let go', len(drips.lasted), drips.count)
    assert max(drips.lasted) < REQUEST_SECONDS + 2, f'a guest held out for {max(drips.lasted):.1f} s'
    assert min(drips.lasted) > REQUEST_SECONDS - 2, f'a guest was cut after {min(drips.lasted):.1f} s'
    ok(f'{drips.count} dripping guests were cut after {min(drips.lasted):.1f} to {max(drips.lasted):.1f} s')


def check_many(nodes: Couple) -> None:
    """A thousand guests that say nothing: others are served as before."""
    node = nodes.leader()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    port, slowest = node.api_port(), 0.0
    guests = [connect(node, port) for _ in range(1000)]
    for _ in range(20):
        began = time.monotonic()
        expect('/health beside 1,000 guests', node.http('GET', '/health', token=None).status, 200)
        expect('state beside them', node.http('PUT', f'{API}/state/x', {'value': 'still'}).status, 200)
        slowest = max(slowest, time.monotonic() - began)
    memory = rss_mb(node)
    for guest in guests:
        guest.close()
    assert memory < RSS_LIMIT_MB, f'{memory} MB'
    assert slowest < 1, f'{slowest} s'
    ok(f'1,000 guests: health and a write in at most {slowest * 1000:.0f} ms, the node has {memory:.0f} MB')
