"""
SQLite + Supabase Sync System - Lost Memory

The local memory is deleted, replaced by an older copy, or damaged. The next sync must move at most 10 % of the bytes of a full
upload, both directions counted at a proxy, and must rewrite no row that did not change.
"""

import shutil
import sys
from pathlib import Path
from typing import Callable, Dict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fault.scenario import Scenario, require  # noqa: E402
from support.product import Product  # noqa: E402
from support.wire_proxy import WireProxy  # noqa: E402

TABLES = ('chat', 'chat_message', 'message', 'message_reaction', 'tag', 'user', 'file')


def versions(scenario: Scenario) -> Dict[str, str]:
    """The row versions of every table: a row that is written again gets a new one."""
    found = {}
    for table in TABLES:
        text = scenario.product.psql(f'SELECT ctid, xmin FROM {scenario.product.schema(scenario.name)}."{table}"')
        found.update({f'{table} {line}': line for line in text.splitlines()})
    return found


def delete_memory(state: Path, _: Path) -> None:
    for path in state.rglob('*'):
        if path.is_file():
            path.unlink()


def restore_older(state: Path, older: Path) -> None:
    shutil.rmtree(state)
    shutil.copytree(older, state)
    Product.hand_over(state)


def damage(state: Path, _: Path) -> None:
    for path in state.rglob('*.db'):
        with open(path, 'r+b') as file:
            file.seek(0)
            file.write(b'\xa5' * 3000)


def main() -> int:
    with Product() as product, WireProxy(product.cluster.url) as proxy:
        scenario = Scenario(product, 'lost', users=30, chats=700, messages=4000, chat_bytes=9000)
        proxy.reset()
        ran = scenario.sync(proxy.url)
        require(ran.code == 0, ran.output)
        full = proxy.moved()
        older = product.directory / 'older'
        shutil.copytree(product.state, older)
        scenario.mutate(20, 1)
        scenario.synced()
        first = scenario.keys()
        losses: Dict[str, Callable[[Path, Path], None]] = {'deleted': delete_memory, 'older copy': restore_older, 'damaged': damage}
        for name, lose in losses.items():
            lose(product.state, older)
            before = versions(scenario)
            proxy.reset()
            ran = scenario.sync(proxy.url)
            require(ran.code == 0, f'{name}: exit {ran.code}\n{ran.output}')
            after = versions(scenario)
            rewritten = [row for row in before if row not in after]
            share = proxy.moved() / full
            print(f'{name}: {proxy.sent} bytes sent, {proxy.received} received, {share:.1%} of the {full} of a full upload, '
                  f'{len(rewritten)} rows rewritten', flush=True)
            require(share <= 0.10, f'{name}: moved {share:.1%} of a full upload')
            require(not rewritten, f'{name}: rewrote rows that had not changed: {rewritten[:5]}')
            scenario.check(first)
            scenario.mutate(20, 2)
            lose(product.state, older)
            scenario.synced()
            scenario.check(first)
    return 0


if __name__ == '__main__':
    sys.exit(main())
