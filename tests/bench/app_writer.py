"""
SQLite + Supabase Sync System - The Application At Work, Measured

What `openwebui_sample.py mutate` does, with what a bench wants to know of it: every latency, and when each message it inserted was
committed. It keeps its connection open, as the application's pool does, or opens one for every transaction.

  app_writer.py FILE OUT.json --seconds S [--rate TX_PER_S] [--journal app|legacy] [--seed N] [--reconnect]

SIGTERM ends it early and in order: the connection is closed, OUT.json written. A line `open` on stdout says that it begins.
"""

import argparse
import json
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.openwebui_sample import Mutator, Statement, open_as_app  # noqa: E402


class Application(Mutator):
    def __init__(self, path: str, journal: str, seed: int, reconnect: bool) -> None:
        self.kept: Optional[sqlite3.Connection] = None
        self.reconnect = reconnect
        self.stamps: Dict[str, float] = {}  # message that is still there, when its COMMIT had returned
        super().__init__(path, journal, seed)

    def patiently(self, work: Callable[[sqlite3.Connection], None]) -> None:
        if self.reconnect:
            return super().patiently(work)
        while True:
            try:
                if self.kept is None:
                    self.kept = open_as_app(self.path, self.journal)
                return work(self.kept)
            except sqlite3.OperationalError as error:
                if 'locked' not in str(error) and 'busy' not in str(error):
                    raise
                self.busy += 1
                if self.kept is not None and self.kept.in_transaction:
                    self.kept.execute('ROLLBACK')

    def transaction(self, kind: str, *statements: Statement) -> None:
        super().transaction(kind, *statements)
        if kind == 'message.insert':
            self.stamps[next(str(value) for value in statements[0][1])] = time.time()
        elif kind == 'message.delete':
            for message in statements[0][1]:
                self.stamps.pop(str(message), None)

    def content(self) -> Dict[str, Any]:
        """What a whole copy of the file must hold."""
        found: Dict[str, Any] = {}
        self.patiently(lambda connection: found.update(content_of(connection)))
        return found

    def close(self) -> None:
        if self.kept is not None:
            self.kept.close()


def content_of(connection: sqlite3.Connection) -> Dict[str, Any]:
    sums = {'chat': 'sum(length(chat)), sum(pinned), sum(archived)', 'message': 'sum(length(content)), sum(created_at % 1000003)',
            '"user"': 'sum(last_active_at % 1000003)', 'tag': 'count(name)', 'config': 'sum(length(value))'}
    return {table: list(connection.execute(f'SELECT count(*), {columns} FROM {table}').fetchone()) for table, columns in sums.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('db')
    parser.add_argument('out')
    parser.add_argument('--seconds', type=float, required=True)
    parser.add_argument('--rate', type=float, default=0)
    parser.add_argument('--journal', choices=['app', 'legacy'], default='app')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--reconnect', action='store_true')
    args = parser.parse_args()
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    application = Application(args.db, args.journal, args.seed, args.reconnect)
    print('open', flush=True)
    began = time.monotonic()
    steps = 0
    while time.monotonic() - began < args.seconds and not asked.is_set():
        application.step()
        steps += 1
        ahead = began + steps / args.rate - time.monotonic() if args.rate else 0
        if ahead > 0:
            asked.wait(ahead)
    spent = time.monotonic() - began
    # The sums read the whole file: for whoever asks by a signal, between the last commit and the close.
    content = application.content() if asked.is_set() else {}
    application.close()
    Path(args.out).write_text(json.dumps({'seconds': spent, 'busy': application.busy, 'latencies': application.latencies,
                                          'stamps': list(application.stamps.items()), 'content': content, 'operations': application.counts}))
    return 0


if __name__ == '__main__':
    sys.exit(main())
