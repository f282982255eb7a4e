"""
SQLite + Supabase Sync System - What Nothing Costs

A file that does not change, and many clients that do not: processor time, bytes and statements of a check. Both are differences: the
same node, the same clients, once with their checks and once paused. Parts of capture_bench.py.
"""

import sys
import threading
import time
from pathlib import Path
from typing import Dict, List, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import figures  # noqa: E402
import ground  # noqa: E402
from process_figures import bytes_read, cpu_seconds, measured, memory_mb, milliseconds  # noqa: E402
from support.nodes import until  # noqa: E402
from support.openwebui_sample import open_as_app  # noqa: E402
from support.product import Product  # noqa: E402

OWN_PACE = 10  # seconds between checks where there is no live mode


class Spent(NamedTuple):
    seconds: float
    cpu: float
    read: int
    statements: Dict[str, int]


def window(leader: ground.Leader, seconds: float) -> Spent:
    """What the node spends in so long a time."""
    sent = ground.Statements(leader.product)
    sent.reset()
    pid, began = leader.node.pid, time.monotonic()
    cpu, read = cpu_seconds(pid), bytes_read(pid)
    threading.Event().wait(seconds)
    return Spent(time.monotonic() - began, cpu_seconds(pid) - cpu, bytes_read(pid) - read, sent.counted())


def settled(leader: ground.Leader) -> None:
    until('the jobs to be over', 600, lambda: leader.node.health()['jobs']['running'] == 0, 0.1)


def paces(leader: ground.Leader, product: Product, clients: List[str], on: bool) -> None:
    """All at once, as so many commands would."""
    names = ', '.join(f"'{name}'" for name in clients)
    product.server.superuser_psql(f"UPDATE sync_metadata.client_deployments SET sync_enabled = {'true' if on else 'false'}, status = 'active' WHERE client_name IN ({names})")


def unchanged(product: Product, megabytes: int, seconds: int) -> figures.Part:
    path = ground.copied(product, ground.chats(megabytes), 'still')
    part = figures.Part(f'an unchanged file of {ground.megabytes(path):,.0f} MB, WAL, the application holds it open')
    app = open_as_app(path, 'app')
    app.execute("UPDATE config SET updated_at = updated_at + 1")  # a log is there, as beside any application that wrote
    ground.paused(product, 'still', path)
    measured(product.sync_command('still', path), product.environment())
    shots = [measured(product.sync_command('still', path), product.environment()) for _ in range(3)]
    part.line('a one-shot: from its start to its end', milliseconds([shot.seconds for shot in shots]), 'ms')
    part.line('    its processor time', milliseconds([shot.cpu_seconds for shot in shots]), 'ms')
    with ground.Leader(product) as leader:
        leader.synced('still')
        asked: List[Spent] = []
        for _ in range(3):
            sent, pid = ground.Statements(product), leader.node.pid
            sent.reset()
            began, cpu, read = time.monotonic(), cpu_seconds(pid), bytes_read(pid)
            leader.synced('still')
            asked.append(Spent(time.monotonic() - began, cpu_seconds(pid) - cpu, bytes_read(pid) - read, sent.counted()))
        part.line('told to sync: until it says that nothing changed', milliseconds([each.seconds for each in asked]), 'ms')
        part.line('    processor time of the node', milliseconds([each.cpu for each in asked]), 'ms')
        part.line('    statements', [float(sum(each.statements.values())) for each in asked], '')
        settled(leader)
        base = window(leader, seconds)
        how = leader.follow('still')
        leader.synced('still')
        settled(leader)
        spent = window(leader, seconds)
        checks = seconds * (1.0 if how != 'live' else 2.0)
        part.note(f'followed {how} for {seconds} s, against the same node with the client paused; {checks:.0f} checks by the timer expected')
        part.line('processor time of a check', [max(0.0, spent.cpu - base.cpu) / checks * 1000], 'ms', '< 1 ms')
        part.line('bytes read by a check, all files', [max(0, spent.read - base.read) / checks / 1000], 'kB', 'its headers')
        part.line('statements of a check', [max(0, sum(spent.statements.values()) - sum(base.statements.values())) / checks], '', '0')
    app.close()
    product.server.superuser_psql('DROP SCHEMA client_still CASCADE')
    Path(path).unlink()
    return part


def many_idle(product: Product, number: int, seconds: int) -> figures.Part:
    names = [f'idle{each}' for each in range(number)]
    part = figures.Part(f'{number} clients in one node, none of them changes, {seconds} s')
    for name in names:
        ground.paused(product, name, ground.copied(product, ground.chats(1), name))
    with ground.Leader(product) as leader:
        how = 'live' if leader.tell('client', 'set-interval', names[0], 'live').code == 0 else f'every {OWN_PACE} s'
        paces(leader, product, names, True)
        product.server.superuser_psql(f"UPDATE sync_metadata.client_deployments SET sync_interval = {OWN_PACE} WHERE client_name LIKE 'idle%'")
        if how == 'live':
            for name in names:
                leader.must('client', 'set-interval', name, 'live')
        until('all to be synced', 600, lambda: int(product.server.superuser_psql(
            "SELECT count(DISTINCT client_name) FROM sync_metadata.sync_jobs WHERE status = 'success' AND client_name LIKE 'idle%'")) == number, 0.2)
        window(leader, min(seconds, 2 * OWN_PACE))  # what the first syncs left behind
        spent = window(leader, seconds)
        part.line(f'processor, share of one core, followed {how}', [100 * spent.cpu / spent.seconds], '%')
        part.line('memory', [memory_mb(leader.node.pid)], 'MB', '≤ 32 MB with 50 clients')
        part.line('statements', [sum(spent.statements.values()) / spent.seconds], '/s', 'none by a check; the rest is the lease and the list')
        part.line('read, all files', [spent.read / spent.seconds / 1000], 'kB/s')
        for query, calls in sorted(spent.statements.items(), key=lambda item: -item[1])[:6]:
            part.note(f'{calls:>6} × {query}')
        paces(leader, product, names, False)
        settled(leader)
        base = window(leader, min(seconds, 20))
        part.line('the same node with all of them paused', [100 * base.cpu / base.seconds], '%')
        part.line('    statements', [sum(base.statements.values()) / base.seconds], '/s')
    return part
