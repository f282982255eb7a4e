"""
SQLite + Supabase Sync System - Benchmark Of Nodes

A leader and a standby on a private server and a private bus, with 50 registered clients: their memory, connections and statements
when nothing changes; lease renewals alone and beside a full sync of 500 MB; round trips over a link of 30 ms; HTTP by wrk.
Each figure is printed beside its goal, or the figure of the same run it must be compared with.

  node_bench.py [--quick] [--only idle|lease|link|http]   (./dev bench --nodes)
"""

import argparse
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ha.couple import SAMPLE, Couple, couple, small_client  # noqa: E402
from ha.failover_test import quantile  # noqa: E402
from support.nodes import TOKEN, Node, PrivateBus, until  # noqa: E402
from support.private_postgres import PrivatePostgres  # noqa: E402
from support.product import BINARIES, Product  # noqa: E402
from support.slow_link import SlowLink  # noqa: E402

# Which program says what when, to the server's own log.
SETTINGS = {'max_connections': '100', 'log_statement': 'all', 'log_min_duration_statement': '-1', 'log_duration': 'on',
            'log_line_prefix': '<%n|%a|%p> ', 'track_commit_timestamp': 'on'}
FSYNC = {**SETTINGS, 'shared_buffers': '256MB', 'max_wal_size': '4GB'}
CLIENTS = 50
LINE = re.compile(r'^<([0-9.]+)\|([^|]*)\|\d+> LOG:  (.*)$')


class Statement(NamedTuple):
    at: float
    program: str
    text: str


def line(what: str, figure: str, goal: str = '') -> None:
    print(f'  {what:<58} {figure:>26}  {goal}', flush=True)


def rss_mb(node: Node, peak: bool = False) -> float:
    text = Path(f'/proc/{node.pid}/status').read_text()
    return int(re.search(rf'{"VmHWM" if peak else "VmRSS"}:\s+(\d+)', text).group(1)) / 1024  # type: ignore[union-attr]


def log_lines(server: PrivatePostgres, since: float, until_then: float) -> List[Statement]:
    """What the server wrote: `statement: …`, `execute …: …`, `duration: …` when one is done. Later lines of a text are left out."""
    found = []
    for text in server.log.read_text(errors='replace').splitlines():
        match = LINE.match(text)
        if match and since <= float(match[1]) < until_then:
            found.append(Statement(float(match[1]), match[2], match[3]))
    return found


def statements(server: PrivatePostgres, since: float, until_then: float) -> List[Statement]:
    """What was sent, each by its first line."""
    found = []
    for said in log_lines(server, since, until_then):
        match = re.match(r'(?:statement|execute [^:]*): (.*)', said.text)
        if match:
            found.append(said._replace(text=match[1].strip()))
    return found


def renewals(node: Node, since: int) -> List[float]:
    """Milliseconds of each lease renewal, from asking to knowing, by the leader's own log from that byte on."""
    return [float(took) for took in re.findall(r'the lease was renewed in ([0-9.]+) ms', node.log.read_text(errors='replace')[since:])]


def idle(nodes: Couple, seconds: int) -> None:
    """Everything is synced and nothing changes."""
    server = nodes.product.server
    leader, standby = nodes.roles()
    began = time.time()
    held: Dict[str, Counter[int]] = {}

    def sampled() -> bool:
        rows = server.superuser_psql("SELECT application_name, count(*) FROM pg_stat_activity WHERE application_name LIKE 'sync-%' GROUP BY 1")
        counts = {name: int(count) for name, _, count in (row.rpartition('|') for row in rows.splitlines())}
        for node in nodes.nodes:
            held.setdefault(node.letter, Counter())[sum(count for name, count in counts.items() if f'node-{node.letter} ' in name)] += 1
        return time.time() >= began + seconds

    until('enough samples', seconds + 10, sampled, 0.25)
    ended = time.time()
    print(f'\nnothing changes, {CLIENTS} clients (each checked every {INTERVAL} s), {seconds} s', flush=True)
    for role, node in [('leader', leader), ('standby', standby)]:
        line(f'memory of the {role}', f'{rss_mb(node):.1f} MB', 'goal ≤ 32 MB')
    for role, node in [('leader', leader), ('standby', standby)]:
        said = [s for s in statements(server, began, ended) if f'node-{node.letter} ' in s.program]
        line(f'statements of the {role}', f'{len(said) / (ended - began):.2f} /s', 'goal: none by a check; the rest is the lease')
        for (program, text), count in Counter((s.program, s.text[:70]) for s in said).most_common(14):
            line(f'    {count:>5} × {program}: {text}'[:112], '')
    for role, node in [('leader', leader), ('standby', standby)]:
        samples = held[node.letter]
        mean = sum(count * times for count, times in samples.items()) / sum(samples.values())
        line(f'connections held by the {role}', f'{min(samples)} to {max(samples)}, mean {mean:.2f}')


def lease(nodes: Couple, source: Path, seconds: int) -> None:
    """Renewals alone and beside full syncs one after the other, as long each: a p99 needs its number."""
    leader, _ = nodes.roles()
    epoch = leader.health()['epoch']
    size, began = leader.log.stat().st_size, time.time()
    until('renewals to be counted', seconds + 30, lambda: time.time() - began >= seconds, 0.2)
    alone = renewals(leader, size)
    took: List[float] = []
    size, began = leader.log.stat().st_size, time.time()
    # The first load, then everything compared again and again.
    while time.time() - began < seconds:
        where = leader.http('POST', '/api/v1/sync/trigger', {'client_name': 'large', 'full_sync': True}).headers['Location']
        job = until('the full sync to end', 600, lambda: over(leader, where), 0.2)
        assert job['status'] == 'success', job
        took.append(time.time() - began - sum(took))
    beside = renewals(leader, size)
    print(f'\nlease renewals (one every {RENEWAL} s), from asking to knowing', flush=True)
    for what, found in [('alone', alone), (f'beside full syncs of {source.stat().st_size / 1e6:.0f} MB', beside)]:
        shares = ' '.join(f'{name} {quantile(found, share):.2f}' for name, share in [('p50', 0.5), ('p90', 0.9), ('p99', 0.99)])
        line(what, f'{shares} ms', f'{len(found)} renewals')
    line('the full syncs', f'{took[0]:.1f} s, {len(took) - 1} more in {sum(took[1:]):.1f} s')
    line('p99 beside a sync / alone', f'{quantile(beside, 0.99) / quantile(alone, 0.99):.2f} ×', 'goal ≤ 1.2')
    line('memory of the leader, most', f'{rss_mb(leader, peak=True):.1f} MB', 'goal ≤ 96 MB')
    health = leader.health()
    line('leadership', 'kept' if health['is_leader'] and health['epoch'] == epoch else 'LOST')


def over(node: Node, where: str) -> Optional[Dict[str, object]]:
    job = node.http('GET', where).body
    return job if job['status'] not in ('pending', 'running') else None


def link(product: Product, bus: PrivateBus, show: bool) -> None:
    """A node 30 ms from its server, which every connection of it pays for. A run is from its trigger to its job's end."""
    print('\nover a link of 30 ms (15 ms each way, by a proxy that counts every change of direction)', flush=True)
    path = small_client(product, 'far')
    changes = [('first sync, 257 rows', ''), ('one changed row', change(1)), ('one changed row again', change(2)), ('nothing changed', '')]
    with SlowLink(product.cluster.url, 0.015) as far, Node(product, 'a', bus, DATABASE_URL=far.url) as node:
        node.start()
        until('it to lead', 20, lambda: node.health()['is_leader'])
        for what, statement in changes:
            if statement:
                change_row(path, statement)
            before, began = len(far.talks), time.time()
            where = node.http('POST', '/api/v1/sync/trigger', {'client_name': 'far'}).headers['Location']
            job = until('the run to end', 30, lambda: over(node, where))
            until('the worker to be done', 10, lambda: node.health()['jobs']['running'] == 0)
            spent = float(product.server.superuser_psql('SELECT extract(epoch FROM completed_at - started_at) FROM sync_metadata.sync_jobs '
                                                        f"WHERE job_id = '{job['job_id']}'"))
            workers = [talk for talk in far.talks[before:] if talk.program.endswith(' worker')]
            parts = f'{sum(t.opening for t in workers)} to connect (+ TCP) + {sum(t.working for t in workers)} to work'
            line(what, f'{sum(t.working for t in workers)} trips', f'{parts}; {len(workers)} connection(s); '
                 f'{spent * 1000:.0f} ms = {spent / 0.030:.1f} trips by the job; goal ≤ 3 for a small change')
            if show:
                for said in statements(product.server, began, time.time()):
                    if said.program.endswith(' worker'):
                        line(f'      {said.text[:100]}', '')


def change(row: int) -> str:
    return f"UPDATE chat SET title = title || '!' WHERE rowid = {row}"


def change_row(path: str, statement: str) -> None:
    with sqlite3.connect(path) as database:
        database.execute(statement)
    database.close()


def wrk(nodes: Couple, seconds: int) -> None:
    print('\nHTTP of the leader, by wrk, 2 threads and 32 connections beside it on the same cores', flush=True)
    if shutil.which('wrk') is None:
        return line('skipped', 'wrk is not installed')
    leader, _ = nodes.roles()
    assert leader.http('PUT', '/api/v1/state/x', {'value': {'a': 1}}).status == 200
    until('a read from the cache', 5, lambda: leader.http('GET', '/api/v1/state/x').body['cached'])
    for path, goal in [('/api/v1/state/x', 'goal ≥ 10,000 /s, p99 ≤ 5 ms'), ('/health', '')]:
        done = subprocess.run(['wrk', '-t2', '-c32', f'-d{seconds}s', '--latency', '-H', f'Authorization: Bearer {TOKEN}',
                               f'http://127.0.0.1:{leader.api_port()}{path}'], capture_output=True, text=True, check=True)
        rate = re.search(r'Requests/sec:\s+([\d.]+)', done.stdout)
        shares = dict(re.findall(r'(50|99)%\s+([\d.]+\w+)', done.stdout))
        wrong = re.search(r'Non-2xx.*', done.stdout)
        line(f'GET {path}', f'{float(rate.group(1)):,.0f} /s' if rate else '?', f'p50 {shares.get("50")} p99 {shares.get("99")}  {goal}')
        if wrong:
            line('   ' + wrong.group(0), '')
    line('memory of the leader', f'{rss_mb(leader):.1f} MB')


INTERVAL, RENEWAL = 10, 1


def large_source(quick: bool) -> Path:
    """About 500 MB of chats, made once and kept in the build directory."""
    path = BINARIES.parent / 'bench-data' / f'chats{"-quick" if quick else ""}.db'
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix('.part')
        subprocess.run([sys.executable, '-B', SAMPLE, 'build', str(unfinished), '--users', '200', '--chats', str(1020 if quick else 10_200),
                        '--messages', '5000', '--chat-bytes', '9000'], check=True)
        os.replace(unfinished, path)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='a tenth of the size')
    parser.add_argument('--only', choices=['idle', 'lease', 'link', 'http'])
    args = parser.parse_args()

    def wanted(part: str) -> bool:
        return args.only in (None, part)

    with PrivatePostgres(fsync=True, settings=FSYNC) as server, Product('bench', server) as product, PrivateBus() as bus:
        print(f'PostgreSQL {server.psql("SHOW server_version")}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}', flush=True)
        if wanted('link'):
            link(product, bus, args.quick)
        if wanted('idle') or wanted('http'):
            first = small_client(product, 'client0')
            for number in range(1, CLIENTS):
                small_client(product, f'client{number}', like=first)
            server.superuser_psql(f'UPDATE sync_metadata.client_deployments SET sync_enabled = true, sync_interval = {INTERVAL}')
            with couple(product, bus) as nodes:
                until('all clients to be synced', 120, lambda: server.superuser_psql(
                    "SELECT count(DISTINCT client_name) FROM sync_metadata.sync_jobs WHERE status = 'success'") >= str(CLIENTS), 0.2)
                settle = time.monotonic()
                until('the first checks to be over', 60, lambda: time.monotonic() - settle > 2 * INTERVAL, 0.5)
                if wanted('idle'):
                    idle(nodes, 30 if args.quick else 60)
                if wanted('http'):
                    wrk(nodes, 5)
        if wanted('lease'):
            source = product.directory / 'large.db'
            shutil.copyfile(large_source(args.quick), source)
            product.register('large', str(source))
            server.superuser_psql("UPDATE sync_metadata.client_deployments SET sync_enabled = false, status = 'active'")
            with couple(product, bus, HEARTBEAT_INTERVAL=str(RENEWAL), LEASE_DURATION='10', LOG_LEVEL='DEBUG', BRAKE_MIN_ROWS='1000000000') as nodes:
                lease(nodes, source, 20 if args.quick else 300)
    return 0


if __name__ == '__main__':
    sys.exit(main())
