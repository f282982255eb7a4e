"""
SQLite + Supabase Sync System - Who Says What Is True

State over HTTP on two real nodes: the database is written first and both caches tell the truth about it. `cached` is what it says,
versions count changes and nothing else, If-Match loses against a newer write, a write to the follower is the leader's, and
whatever changes a value, an administrator's SQL too, is seen by both nodes within a second.
"""

import sys
import threading
import time
from pathlib import Path
from typing import Any, List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.couple import Couple, couple, expect, ok, small_client  # noqa: E402
from support.nodes import Answer, Node, PrivateBus, until  # noqa: E402
from support.product import Product  # noqa: E402

SOON = 1.0  # how long another's change may take to be seen


def read(node: Node, key: str, **headers: str) -> Answer:
    return node.http('GET', f'/api/v1/state/{key}', **headers)


def write(node: Node, key: str, value: Any, **headers: str) -> Answer:
    return node.http('PUT', f'/api/v1/state/{key}', {'value': value}, **headers)


def wrote(answer: Answer) -> int:
    """The version a write that must succeed gave."""
    expect('a write', answer.status, 200)
    return int(answer.body['version'])


def cached(node: Node, key: str) -> Optional[Answer]:
    answer = read(node, key)
    return answer if answer.body['cached'] else None


def seen_by(node: Node, key: str, value: Any) -> float:
    """Seconds until the node answers with the value."""
    began = time.monotonic()
    until(f'node {node.letter} to see {value!r}', SOON, lambda: read(node, key).body.get('value') == value, 0.005)
    return time.monotonic() - began


def check_cache(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    expect('a key nobody wrote', (read(leader, 'x').status, read(leader, 'x').body['error']), (404, 'not_found'))
    version = wrote(write(leader, 'x', {'a': [1, None, 'é']}))
    first = read(follower, 'x')
    expect('the first read of the other node', (first.body['cached'], first.body['value'], first.body['version']),
           (False, {'a': [1, None, 'é']}, version))
    # What was read before the news of the write came is not kept, so the second read need not be the cached one.
    again = until('a read from the cache', SOON, lambda: cached(follower, 'x'), 0.005)
    expect('what is cached', again.body['value'], {'a': [1, None, 'é']})
    assert again.body['updated_at'] == first.body['updated_at'], 'the cache says another time'
    ok('a value is cached once it was read, and says so')


def check_versions(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    one = wrote(write(leader, 'v', 1))
    expect('versions count writes', wrote(write(leader, 'v', 2)), one + 1)
    got = read(follower, 'v')
    expect('the ETag', got.headers['ETag'], f'"{one + 1}"')
    expect('If-None-Match of the newest', read(follower, 'v', If_None_Match=f'"{one + 1}"').status, 304)
    expect('If-None-Match of an older', read(follower, 'v', If_None_Match=f'"{one}"').status, 200)
    stale = write(leader, 'v', 3, If_Match=f'"{one}"')
    expect('If-Match of an older', (stale.status, stale.body['error']), (412, 'precondition_failed'))
    expect('nothing was written', read(leader, 'v').body['value'], 2)
    expect('If-Match of the newest', wrote(write(leader, 'v', 4, If_Match=f'"{one + 1}"')), one + 2)
    stale = write(follower, 'v', 5, If_Match=f'"{one}"')
    expect('the same through the follower', (stale.status, stale.body['error']), (412, 'precondition_failed'))
    ok('versions, ETag, 304, If-Match and 412, on both nodes')


def check_two_writers(nodes: Couple) -> None:
    """Of many writers with the same If-Match exactly one wins, whichever node they ask."""
    version = wrote(write(nodes.leader(), 'race', 0))
    answers: List[Answer] = []

    def contend(number: int) -> None:
        answers.append(write(nodes.nodes[number % 2], 'race', number, If_Match=f'"{version}"'))

    threads = [threading.Thread(target=contend, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [answer.body['value'] for answer in answers if answer.status == 200]
    expect('winners', len(winners), 1)
    expect('the others', sorted({answer.status for answer in answers}), [200, 412])
    for node in nodes.nodes:
        seen_by(node, 'race', winners[0])
    ok('of eight writers with one If-Match one wins')


def check_forward(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    version = wrote(write(follower, 'f', 'from the follower'))
    expect('the follower reads what it wrote', read(follower, 'f').body['value'], 'from the follower')
    expect('so does the leader', (read(leader, 'f').body['value'], read(leader, 'f').body['version']), ('from the follower', version))
    sent = follower.http('PUT', '/api/v1/state/f', {'value': 'twice'}, X_Sync_Node_Forwarded='1')
    expect('what was forwarded is not forwarded again', (sent.status, sent.body['error']), (403, 'not_leader'))
    ok('the follower forwards a write to the leader, once')


def check_invalidation(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    slowest = 0.0
    for turn in range(10):
        writer, other = (leader, follower) if turn % 2 else (follower, leader)
        for node in nodes.nodes:
            read(node, 'x')
        wrote(write(writer, 'x', turn))
        slowest = max(slowest, seen_by(other, 'x', turn))
    ok(f'a write to one node is seen by the other: slowest of 10 {slowest * 1000:.0f} ms')
    for node in nodes.nodes:
        read(node, 'x')
    nodes.product.server.psql("UPDATE sync_metadata.state_values SET value = '\"by hand\"' WHERE key = 'x'")
    slowest = max(seen_by(node, 'x', 'by hand') for node in nodes.nodes)
    ok(f'so is an administrator\'s SQL: {slowest * 1000:.0f} ms')


def check_deployment(nodes: Couple) -> None:
    leader, follower = nodes.roles()
    shown = read(follower, 'deployment.one').body['value']
    expect('what a client\'s state shows', (shown['client_name'], shown['sync_enabled']), ('one', False))
    read(leader, 'deployment.one')
    wrote(write(leader, 'deployment.one', {'sync_interval': 77}))
    began = time.monotonic()
    until('the interval to be seen', SOON, lambda: read(follower, 'deployment.one').body['value']['sync_interval'] == 77, 0.005)
    stored = nodes.product.psql("SELECT sync_interval FROM sync_metadata.client_deployments WHERE client_name = 'one'")
    expect('what the database says', stored, '77')
    refused = write(leader, 'deployment.one', {'schema_name': 'other'})
    expect('a change an agent may not make', refused.status, 400)
    ok(f'deployment.<client> is the client\'s registration ({(time.monotonic() - began) * 1000:.0f} ms to be seen)')


def check_bounds(nodes: Couple) -> None:
    leader = nodes.leader()
    expect('no value', leader.http('PUT', '/api/v1/state/x', {}).status, 400)
    expect('another key in the body', leader.http('PUT', '/api/v1/state/x', {'key': 'y', 'value': 1}).status, 400)
    expect('the path\'s key in the body', leader.http('PUT', '/api/v1/state/x', {'key': 'x', 'value': 1}).status, 200)
    expect('null is a value', (wrote(write(leader, 'n', None)) > 0, read(leader, 'n').body['value']), (True, None))
    number = leader.http('PUT', '/api/v1/state/big', b'{"value":123456789012345678901234567890.10}')
    expect('a long number', number.status, 200)
    port_text = nodes.product.psql("SELECT value FROM sync_metadata.state_values WHERE key = 'big'")
    expect('a number is stored as it was sent', port_text, '123456789012345678901234567890.10')
    deep = b'{"value":' + b'[' * 65 + b']' * 65 + b'}'
    expect('65 levels', leader.http('PUT', '/api/v1/state/x', deep).status, 400)
    expect('a mebibyte and more', write(leader, 'x', 'a' * (1 << 20)).status, 413)
    expect('almost a mebibyte', write(leader, 'x', 'a' * ((1 << 20) - 100)).status, 200)
    ok('bounds and types of values')


def check_failover(nodes: Couple) -> None:
    """What was written stays; the new leader goes on with the next version."""
    leader, follower = nodes.roles()
    version = wrote(write(leader, 'kept', 'before'))
    leader.kill()
    until('the other node to lead', 10, lambda: follower.health()['is_leader'])
    expect('the value after a failover', read(follower, 'kept').body['value'], 'before')
    expect('the next version', wrote(write(follower, 'kept', 'after')), version + 1)
    leader.start()
    expect('the killed node, back again', seen_by(leader, 'kept', 'after') < SOON, True)
    ok('a failover loses no value and no version')


def main() -> int:
    with Product() as product, PrivateBus() as bus:
        small_client(product, 'one')
        with couple(product, bus) as nodes:
            check_cache(nodes)
            check_versions(nodes)
            check_two_writers(nodes)
            check_forward(nodes)
            check_invalidation(nodes)
            check_deployment(nodes)
            check_bounds(nodes)
            check_failover(nodes)
    return 0


if __name__ == '__main__':
    sys.exit(main())
