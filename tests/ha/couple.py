"""
SQLite + Supabase Sync System - Two Nodes At Work

What most tests of real nodes begin with: a server, a private bus, small clients, and both nodes ready with one of them leading.
"""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, NamedTuple, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.nodes import Node, PrivateBus, leader_of, pair, until  # noqa: E402
from support.product import Product  # noqa: E402

SAMPLE = str(Path(__file__).resolve().parents[1] / 'support/openwebui_sample.py')


class Couple(NamedTuple):
    """Both nodes run; who leads is asked each time, since it changes."""

    product: Product
    bus: PrivateBus
    nodes: List[Node]

    def leader(self) -> Node:
        """The node that holds the lease and knows it."""
        def acting() -> List[Node]:
            holder = leader_of(self.product)
            return [node for node in self.nodes if node.node_id == holder and running(node) and node.health()['is_leader']]

        return until('a leader that knows it', 30, acting)[0]

    def roles(self) -> Tuple[Node, Node]:
        """(leader, follower)."""
        leader = self.leader()
        return leader, next(node for node in self.nodes if node is not leader)


def running(node: Node) -> bool:
    return node.process is not None and node.process.poll() is None


def small_client(product: Product, name: str, like: Optional[str] = None) -> str:
    """A registered client that is synced when asked for and not otherwise; the path of its database, a copy of `like` if given."""
    path = str(product.directory / f'{name}.db')
    if like is None:
        subprocess.run([sys.executable, '-B', SAMPLE, 'build', path, '--users', '5', '--chats', '20', '--messages', '50'], check=True)
    else:
        shutil.copyfile(like, path)
    product.register(name, path)
    # As a pause over HTTP or D-Bus leaves it.
    product.server.superuser_psql(f"UPDATE sync_metadata.client_deployments SET sync_enabled = false, status = 'active' WHERE client_name = '{name}'")
    return path


@contextlib.contextmanager
def couple(product: Product, bus: PrivateBus, **settings: str) -> Iterator[Couple]:
    """Their logs are shown when the body fails."""
    nodes = pair(product, bus, **settings)
    try:
        for node in nodes:
            node.start()
        pair_at_work = Couple(product, bus, nodes)
        leader, _ = pair_at_work.roles()
        for node in nodes:
            until('both to know who leads', 20, lambda: node.health()['leader_id'] == leader.node_id)
        yield pair_at_work
    except BaseException:
        for node in nodes:
            print(f'--- node {node.letter}\n{node.text()[-4000:]}')
        raise
    finally:
        for node in nodes:
            node.clean()


def ok(what: str) -> None:
    """Says what was checked, so that a log shows how far a test came."""
    print(f'  ok  {what}', flush=True)


def expect(what: str, found: object, wanted: object) -> None:
    """With what was found, or a failure in a log tells nothing."""
    assert found == wanted, f'{what}: {found!r}, not {wanted!r}'
