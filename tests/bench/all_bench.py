"""
SQLite + Supabase Sync System - Everything Side By Side

All benches in one run and one JSON document: full syncs, capture, live, harm, many clients, nodes. About 25 minutes with shorter campaigns
than each bench has by itself; --quick: small sizes, ten minutes at most; --long: the campaigns as each bench has them.

  all_bench.py [--quick] [--long]   (./dev bench --all)
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, List, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import bench  # noqa: E402
import capture_bench  # noqa: E402
import figures  # noqa: E402
import ground  # noqa: E402
import harm_bench  # noqa: E402
import live_bench  # noqa: E402
import many_bench  # noqa: E402

Stage = Tuple[str, Callable[[], List[figures.Part]]]


def nodes() -> List[figures.Part]:
    """node_bench.py as it is: its lines are kept as it says them."""
    part = figures.Part('nodes: node_bench.py --quick')
    ran = subprocess.Popen([sys.executable, '-B', str(Path(__file__).with_name('node_bench.py')), '--quick'], stdout=subprocess.PIPE, text=True)
    assert ran.stdout is not None
    for line in ran.stdout:
        if line.strip():
            part.note(line.rstrip())
    if ran.wait() != 0:
        raise SystemExit(f'node_bench.py: exit {ran.returncode}')
    return [part]


def stages(size: str) -> List[Stage]:
    quick = size == 'quick'
    seconds = {'quick': 6, 'usual': 20, 'long': 60}[size]
    harm = {'quick': harm_bench.QUICK._replace(seconds=2), 'usual': harm_bench.USUAL._replace(rounds=2), 'long': harm_bench.LONG}[size]
    clients, minutes = {'quick': (5, 0.25), 'usual': (20, 1.5), 'long': (20, 5)}[size]
    return [('full', lambda: bench.run(quick, 1 if quick else 2 if size == 'usual' else 3)),
            ('capture', lambda: capture_bench.run(quick, {'quick': 1, 'usual': 3, 'long': 5}[size])),
            ('live', lambda: live_bench.run(quick, seconds, 10 if quick else 120)),
            ('many', lambda: many_bench.run(clients, minutes * 60, 5)),
            ('harm', lambda: harm_bench.run(harm)),
            ('nodes', nodes)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--long', action='store_true')
    args = parser.parse_args()
    size = 'quick' if args.quick else 'long' if args.long else 'usual'
    around = figures.surroundings(ground.WATCHED)
    figures.introduce(around)
    parts: List[figures.Part] = []
    failed = []
    for name, run in stages(size):
        began = time.monotonic()
        # What cannot be measured is said, and the rest is measured.
        try:
            parts += run()
        except (Exception, SystemExit) as error:
            part = figures.Part(f'{name}: not finished')
            part.word('the reason', str(error)[-2000:])
            parts.append(part)
            failed.append(name)
        print(f'\n{name} took {(time.monotonic() - began) / 60:.1f} minutes', flush=True)
        figures.write('all' + ('' if size == 'usual' else f'-{size}'), around, {'size': size}, parts)
    if failed:
        print(f'not finished: {", ".join(failed)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
