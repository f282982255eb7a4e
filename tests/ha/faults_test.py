"""
SQLite + Supabase Sync System - Faults Of Leadership, On Real Nodes

Named as in the catalogue of faults; the others are in tests/lease and tests/peer. Each says which invariant it holds: I1 no row commits under
an epoch that is over, I2 epochs only grow and have one holder, I4 a leader again within the bound, I5 no fault at the leader, no
transition, I7 nobody acts past his deadline.
"""

import os
import re
import socket
import sys
import time
from pathlib import Path
from typing import Callable, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.failover_test import change_a_row, make_clients  # noqa: E402
from ha.history import History, make_product  # noqa: E402
from support.nodes import Node, PrivateBus, leader_of, pair, until  # noqa: E402
from support.product import Product  # noqa: E402
from support.wire_proxy import WireProxy  # noqa: E402

LEASE = {'LEASE_DURATION': '6', 'HEARTBEAT_INTERVAL': '2', 'BRAKE_MIN_ROWS': '1000000000'}
REFUSED = re.compile('too many connections for role')
FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'


class World:
    """One product with clients, a bus and a history; nodes are made per fault."""

    def __init__(self, product: Product, bus: PrivateBus) -> None:
        self.product, self.bus = product, bus
        self.clients = make_clients(product, 2)
        self.history = History(product.server, [product.schema(name) for name, _ in self.clients])
        self.nodes: List[Node] = []

    def start(self, **settings: str) -> None:
        self.nodes = pair(self.product, self.bus, **{**LEASE, **settings})
        for node in self.nodes:
            node.start()
        until('a leader', 20, lambda: leader_of(self.product))

    def end(self) -> None:
        for node in self.nodes:
            if node.process is not None and node.process.poll() is None:
                node.stop()
            node.clean()

    @property
    def leader(self) -> Node:
        name = until('a leader', 30, lambda: leader_of(self.product))
        return next(node for node in self.nodes if node.node_id == name)

    @property
    def standby(self) -> Node:
        leader = self.leader
        return next(node for node in self.nodes if node is not leader)

    def epoch(self) -> int:
        return int(self.product.server.superuser_psql('SELECT epoch FROM sync_metadata.leader_election'))

    def stays(self, seconds: float) -> None:
        """I5: the same leader in the same term over this time, at every look."""
        leader, epoch, begun = self.leader, self.epoch(), time.monotonic()

        def over() -> bool:
            assert leader_of(self.product) == leader.node_id and self.epoch() == epoch, f'leadership moved: epoch {epoch} to {self.epoch()}'
            return time.monotonic() - begun > seconds

        until('the time to pass', seconds + 10, over, 0.1)


def F06_no_connection_is_left_for_the_workers(world: World) -> None:
    """I5: the lease has its own connection; jobs fail, leadership stays, and they work again afterwards."""
    world.start()
    login, psql = world.product.cluster.login, world.product.server.superuser_psql
    until('the first syncs', 20, lambda: sum(e.kind == 'job' for e in world.history.entries(0)) >= len(world.clients))
    psql(f'ALTER ROLE {login} CONNECTION LIMIT 2')
    try:
        mine = f"FROM pg_stat_activity WHERE usename = '{login}'"
        psql(f"SELECT pg_terminate_backend(pid) {mine} AND application_name LIKE '%worker'")
        until('the leases alone to be connected', 20, lambda: psql(f'SELECT count(*) {mine}') == '2')
        at = time.time()
        for _, path in world.clients:
            change_a_row(path)
        world.stays(9)
        assert world.leader.health()['database']['reachable']
        assert not any(e.kind == 'job' for e in world.history.entries(at)), 'a job without a connection'
    finally:
        psql(f'ALTER ROLE {login} CONNECTION LIMIT -1')
    until('jobs again', 60, lambda: sum(e.kind == 'job' for e in world.history.entries(at)) >= len(world.clients))


def F06_no_connection_is_left_from_the_start(world: World) -> None:
    """I5, I8: a leader that cannot even list its clients keeps the lease and asks at a bearable rate."""
    login = world.product.cluster.login
    # Of two nodes the leader's lister would take what the other's lease needs, as often as not.
    world.nodes = pair(world.product, world.bus, **LEASE)[:1]
    world.product.server.superuser_psql(f'ALTER ROLE {login} CONNECTION LIMIT 1')  # the lease
    try:
        world.nodes[0].start()
        until('it to lead', 20, lambda: leader_of(world.product) == world.nodes[0].node_id)
        refused = len(REFUSED.findall(world.product.server.log.read_text(errors='replace')))
        world.stays(6)
        refused = len(REFUSED.findall(world.product.server.log.read_text(errors='replace'))) - refused
        print(f'   {refused} connections tried in 6 s')
        assert 1 <= refused <= 6, f'{refused} connections tried in 6 s'
    finally:
        world.product.server.superuser_psql(f'ALTER ROLE {login} CONNECTION LIMIT -1')


def F11_wall_clocks_a_day_apart(world: World) -> None:
    """I5, I4: no decision looks at the wall clock."""
    if not os.path.exists(FAKETIME):
        print('   libfaketime is not here: the clocks stay as they are')
    for node, shift in zip(pair(world.product, world.bus, **LEASE), ('+1d', '-1d')):
        world.nodes.append(node)
        if os.path.exists(FAKETIME):
            node.settings.update({'LD_PRELOAD': FAKETIME, 'FAKETIME': shift, 'DONT_FAKE_MONOTONIC': '1'})
        node.start()
    world.stays(8)
    leader, standby = world.leader, world.standby
    at = time.monotonic()
    leader.kill()
    until('the other to lead', 5, lambda: leader_of(world.product) == standby.node_id, 0.005)
    took = time.monotonic() - at
    print(f'   {took:.2f} s')
    assert took < 3, f'{took:.2f} s'


def F15_the_standbys_connection_is_a_black_hole(world: World) -> None:
    """I4: a dead connection of the standby delays the takeover by one attempt at most."""
    standby_url = WireProxy(world.product.cluster.url)
    nodes = pair(world.product, world.bus, **LEASE)
    world.nodes = nodes
    nodes[1].settings['DATABASE_URL'] = standby_url.url
    hole: List[bool] = []
    swallowed: List[int] = []

    def swallow(number: int, _: bytes) -> None:
        swallowed.append(number)
        until('the test to end', 60, lambda: not hole or hole[0] is False, 0.05)

    try:
        nodes[0].start()
        until('node a to lead', 20, lambda: leader_of(world.product) == nodes[0].node_id)
        nodes[1].start()
        until('node b to look', 20, lambda: nodes[1].health()['database']['reachable'])
        hole.append(True)
        standby_url.before_statement = swallow  # whatever it asks from now on gets no answer
        at = time.monotonic()
        nodes[0].kill()
        # Not by its health: whom nobody answers at all may be waiting for a pooler, and is not unreachable yet. Each of its
        # connections waits with its first statement, so the third one says that an attempt was given up.
        until('an attempt to be given up', 10, lambda: len(swallowed) >= 3)
        standby_url.before_statement = None
        hole[0] = False
        until('the standby to lead', 10, lambda: leader_of(world.product) == nodes[1].node_id)
        took = time.monotonic() - at
        print(f'   {took:.2f} s')
        assert took < 6, f'{took:.2f} s'
    finally:
        hole[:] = [False]
        world.end()
        world.nodes = []
        standby_url.stop()


def F31_both_units_are_restarted_at_once(world: World) -> None:
    """I2, I4: nobody grabs the lease on his way out; one leader afterwards."""
    world.start()
    before = world.epoch()
    for node in world.nodes:
        node.ask_to_stop()
    assert [node.stop() for node in world.nodes] == [0, 0]
    assert leader_of(world.product) is None, 'a node on its way out took the lease'
    assert world.epoch() <= before + 1, 'more than one handover while both stopped'
    for node in world.nodes:
        node.start()
    until('a leader', 10, lambda: leader_of(world.product))
    world.stays(2)


def F42_no_descriptor_is_left(world: World) -> None:
    """I7, I4: a leader that cannot connect any more stops acting by its deadline; the other leads, it stays alive and comes back."""
    world.nodes = pair(world.product, world.bus, **LEASE)
    leader, standby = world.nodes
    leader.descriptors = 48
    leader.start()
    until('node a to lead', 20, lambda: leader_of(world.product) == leader.node_id)
    standby.start()
    guests = []
    try:
        port = leader.api_port()

        def crowded() -> bool:
            guests.append(socket.create_connection(('127.0.0.1', port), 5))
            return len(os.listdir(f'/proc/{leader.pid}/fd')) >= 46

        until('its descriptors to be used up', 20, crowded)
        at = time.monotonic()
        # Its connections end, and there is nothing left to make new ones of.
        world.product.server.superuser_psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sync-node-a%'")
        guests += [socket.create_connection(('127.0.0.1', port), 5) for _ in range(40)]
        until('the other to lead, or the leader to have found a way', 20,
              lambda: leader_of(world.product) == standby.node_id or time.monotonic() - at > 8)
        moved = leader_of(world.product) == standby.node_id
        assert not moved or time.monotonic() - at > 2, 'the lease of a living leader was taken'
        assert leader.process is not None and leader.process.poll() is None, 'it died of it'
        print(f'   {"the other node led" if moved else "the leader found descriptors"} after {time.monotonic() - at:.1f} s')
    finally:
        for guest in guests:
            guest.close()

    def healthy() -> bool:
        try:
            return leader.health()['status'] == 'healthy'
        except OSError:  # dropped, to make room for one of those that still wait at its door
            return False

    # Clients that failed meanwhile back off: 5, 10, 20 s.
    until('it to answer again', 60, healthy)


FAULTS: List[Callable[[World], None]] = [
    F06_no_connection_is_left_for_the_workers, F06_no_connection_is_left_from_the_start, F11_wall_clocks_a_day_apart, F15_the_standbys_connection_is_a_black_hole,
    F31_both_units_are_restarted_at_once, F42_no_descriptor_is_left]


def main() -> int:
    wanted = sys.argv[1:]
    with make_product() as product, PrivateBus() as bus:
        world = World(product, bus)
        for fault in FAULTS:
            if wanted and not any(fault.__name__.startswith(word) for word in wanted):
                continue
            try:
                fault(world)
            except BaseException:
                for node in world.nodes:
                    print(f'--- node {node.letter} {node.status}\n{node.text()[-4000:]}')
                raise
            finally:
                world.end()
                world.nodes = []
            world.history.check()
            print(f'ok {fault.__name__}', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
