"""
SQLite + Supabase Sync System - From Commit To Visible

A live client, its application writing at 50 and at 500 transactions a second, in WAL and in rollback-journal mode. Each message the
application inserts is stamped when its COMMIT has returned. On the other side a reader asks for the copy's state every millisecond; a row is
visible with its first answer that is not older than the row's commit. The same by the server's commit record alone, which is
written a little before anybody can see it. Both sides have the same clock. In the end the copy is verified.

  live_bench.py [--quick] [--seconds 60] [--megabytes 120]   (./dev bench --live)
"""

import argparse
import sys
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import figures  # noqa: E402
import ground  # noqa: E402
from application import SAME, Writing, arrivals, quiet_copy, seen_after  # noqa: E402
from process_figures import cpu_seconds, memory_mb  # noqa: E402
from support.nodes import until  # noqa: E402
from support.product import Product  # noqa: E402

GOAL = 'p50 ≤ 50, p99 ≤ 250 ms at 50 tx/s'
NAMES = {'app': 'WAL', 'legacy': 'rollback journal'}


def one_rate(product: Product, leader: ground.Leader, part: figures.Part, client: str, path: str, journal: str, rate: int, seconds: float) -> None:
    pid = leader.node.pid
    with ground.Reader(product, client) as reader:
        reader.generation()
        cpu, first = cpu_seconds(pid), len(reader.seen)
        written = Writing(path, seconds, rate, journal, seed=rate).ended()
        spent, runs = cpu_seconds(pid) - cpu, len(reader.seen) - first
        committed = arrivals(product, client, written['stamps'])
        newest = max(committed.values())
        until('the reader to see the last commit', 30, lambda: reader.seen[-1].committed >= newest - SAME, 0.01)
    recorded = [(committed[message] - at) * 1000 for message, at in written['stamps']]
    seen = [(seen_after(reader.seen, committed[message]) - at) * 1000 for message, at in written['stamps']]
    what = f'{NAMES[journal]}, {rate} tx/s'
    part.shares(f'{what}: commit to visible', seen, 'ms', GOAL if rate == 50 else '', f'{written.rate:.0f} tx/s were written, {written["busy"]} busy errors')
    part.shares('    to the commit record of the server', recorded, 'ms')
    part.line('    processor of the node, share of one core', [100 * spent / written['seconds']], '%', note=f'{runs / written["seconds"]:.1f} runs/s')


def run(quick: bool, seconds: float, megabytes: int) -> List[figures.Part]:
    with ground.product_on(ground.WATCHED) as product:
        paths: Dict[str, str] = {}
        part = figures.Part(f'from commit to visible, a live client of {megabytes} MB, {seconds:.0f} s each')
        with ground.Leader(product) as leader:
            for journal in NAMES:
                client = f'live{journal}'
                paths[client] = ground.copied(product, ground.chats(megabytes), client)
                ground.paused(product, client, paths[client])
                leader.synced(client)
                how = leader.follow(client)
                part.note(f'{NAMES[journal]}: followed {how}; the reader asks every millisecond')
                for rate in (50, 500):
                    one_rate(product, leader, part, client, paths[client], journal, rate, seconds)
                quiet_copy(leader, [client], paths)
                leader.must('client', 'pause', client)
            part.word('the copies, after it', 'equal by verify')
            part.line('memory of the node, most', [memory_mb(leader.node.pid, 'VmHWM')], 'MB')
    return [part]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true', help='10 s each, a small file')
    parser.add_argument('--seconds', type=float, default=0)
    parser.add_argument('--megabytes', type=int, default=0)
    args = parser.parse_args()
    around = figures.surroundings(ground.WATCHED)
    figures.introduce(around)
    parts = run(args.quick, args.seconds or (10 if args.quick else 60), args.megabytes or (10 if args.quick else 120))
    figures.write('live' + ('-quick' if args.quick else ''), around, vars(args), parts)
    return 0


if __name__ == '__main__':
    sys.exit(main())
