"""
SQLite + Supabase Sync System - Many Clients At Once

Live clients of one node, each with an application at work (`mutate`: a connection of its own for every transaction), all at once. When each
message arrived, by the server's commit record against the application's stamp; whether any client waits longer than the others; what the
node costs; in the end each copy is verified.

  many_bench.py [--quick] [--clients 20] [--seconds 300] [--rate 5]   (./dev bench --many)
"""

import argparse
import sys
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import figures  # noqa: E402
import ground  # noqa: E402
from application import Writing, arrivals, quiet_copy  # noqa: E402
from idle_bench import settled  # noqa: E402
from process_figures import cpu_seconds, memory_mb  # noqa: E402

MEGABYTES = 10


def run(clients: int, seconds: float, rate: float) -> List[figures.Part]:
    with ground.product_on(ground.WATCHED) as product:
        part = figures.Part(f'{clients} clients of {MEGABYTES} MB, an application at {rate:g} tx/s in each, {seconds:.0f} s')
        paths: Dict[str, str] = {}
        with ground.Leader(product) as leader:
            for number in range(clients):
                name = f'many{number}'
                paths[name] = ground.copied(product, ground.chats(MEGABYTES), name)
                ground.paused(product, name, paths[name])
            for where in [leader.trigger(name) for name in paths]:
                leader.ended(where)
            how = leader.follow(*paths)
            settled(leader)
            sent, cpu = ground.Statements(product), cpu_seconds(leader.node.pid)
            sent.reset()
            jobs = finished(product)
            applications = {name: Writing(path, seconds, rate, 'app', seed=number, reconnect=True) for number, (name, path) in enumerate(paths.items())}
            written = {name: application.ended() for name, application in applications.items()}
            spent, statements = cpu_seconds(leader.node.pid) - cpu, sum(sent.counted().values())
            runs = {name: count - jobs.get(name, 0) for name, count in finished(product).items()}
            part.note(f'followed {how}')
            lags: Dict[str, List[float]] = {}
            for name, said in written.items():
                committed = arrivals(product, name, said['stamps'])
                lags[name] = [(committed[message] - at) * 1000 for message, at in said['stamps']]
            tell(part, lags, runs)
            part.line('transactions of all applications', [sum(len(said['latencies']) for said in written.values()) / seconds], '/s',
                      note=f'{sum(said["busy"] for said in written.values())} busy errors')
            part.shares('their latency', [each * 1000 for said in written.values() for each in said['latencies']], 'ms')
            part.line('processor of the node, share of one core', [100 * spent / seconds], '%')
            part.line('statements of the node', [statements / seconds], '/s')
            part.line('memory of the node, most', [memory_mb(leader.node.pid, 'VmHWM')], 'MB')
            quiet_copy(leader, list(paths), paths)
            part.word('the copies, after it', f'all {clients} equal by verify')
    return [part]


def finished(product: 'ground.Product') -> Dict[str, int]:
    text = product.server.superuser_psql("SELECT client_name || '|' || count(*) FROM sync_metadata.sync_jobs WHERE status = 'success' GROUP BY client_name")
    return {name: int(count) for name, _, count in (line.partition('|') for line in text.splitlines())}


def tell(part: figures.Part, lags: Dict[str, List[float]], runs: Dict[str, int]) -> None:
    """Nobody is starved when the slowest client is not far from the others."""
    part.shares('lag, all clients: commit to the commit record', [each for lag in lags.values() for each in lag], 'ms')
    each = {name: figures.quantile(lag, 0.99) for name, lag in lags.items() if lag}
    middle = part.line('p99 of each client', list(each.values()), 'ms')
    slowest = max(each, key=lambda name: each[name])
    part.line(f'p99 of the slowest client, {slowest}', [each[slowest]], 'ms', against=middle)
    part.line('runs of each client', [float(runs.get(name, 0)) for name in lags], '')


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='5 clients, 20 s')
    parser.add_argument('--clients', type=int, default=0)
    parser.add_argument('--seconds', type=float, default=0)
    parser.add_argument('--rate', type=float, default=5)
    args = parser.parse_args()
    around = figures.surroundings(ground.WATCHED)
    figures.introduce(around)
    parts = run(args.clients or (5 if args.quick else 20), args.seconds or (20 if args.quick else 300), args.rate)
    figures.write('many' + ('-quick' if args.quick else ''), around, vars(args), parts)
    return 0


if __name__ == '__main__':
    sys.exit(main())
