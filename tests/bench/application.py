"""
SQLite + Supabase Sync System - Applications Beside A Bench

app_writer.py as a process that a bench starts, and when its messages arrived in the copy.
"""

import bisect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence

import psycopg2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import ground  # noqa: E402
from support.nodes import until  # noqa: E402
from support.private_postgres import die_with_parent  # noqa: E402
from support.product import Product  # noqa: E402

SAME = 2e-6  # two readings of one commit record, as floating point
WRITER = str(Path(__file__).with_name('app_writer.py'))


class Written(Dict[str, Any]):
    """What an application said at its end: seconds, busy, latencies (s), stamps, content."""

    @property
    def rate(self) -> float:
        return len(self['latencies']) / self['seconds']


class Writing:
    """One application's process. It has opened its file when the constructor returns."""

    def __init__(self, path: str, seconds: float, rate: float = 0, journal: str = 'app', seed: int = 1, reconnect: bool = False) -> None:
        self.seconds = seconds
        self.out = Path(path + '.writer.json')
        command = [sys.executable, '-B', WRITER, path, str(self.out), '--seconds', str(seconds), '--rate', str(rate), '--journal', journal, '--seed', str(seed)]
        self.process = subprocess.Popen(command + (['--reconnect'] if reconnect else []), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=die_with_parent)
        assert self.process.stdout is not None
        if self.process.stdout.readline() != 'open\n':
            raise SystemExit(f'the application did not start: {self.process.communicate()[1][-2000:]}')

    def running(self) -> bool:
        return self.process.poll() is None

    def ask_to_end(self) -> None:
        self.process.terminate()

    def ended(self) -> Written:
        _, errors = self.process.communicate(timeout=self.seconds + 120)
        if self.process.returncode != 0:
            raise SystemExit(f'the application failed: {errors[-2000:]}')
        said = Written(json.loads(self.out.read_text()))
        self.out.unlink()
        return said


def arrivals(product: Product, client: str, stamps: Sequence[Sequence[Any]]) -> Dict[str, float]:
    """When the server committed each message, by its commit record; waits until all are there."""
    connection = psycopg2.connect(product.server.superuser_url())
    connection.autocommit = True
    cursor = connection.cursor()
    found: Dict[str, float] = {}

    def all_there() -> bool:
        missing = [message for message, _ in stamps if message not in found]
        cursor.execute(f'SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM {product.schema(client)}.message WHERE id = ANY (%s)', (missing,))
        found.update(cursor.fetchall())
        return len(found) == len(stamps)

    try:
        until(f'the messages of {client}', 120, all_there, 0.1)
    finally:
        connection.close()
    return found


def seen_after(seen: Sequence[ground.Seen], committed: float) -> float:
    """When the reader could see what was committed then: its first answer of that commit or a later one."""
    place = bisect.bisect_left([each.committed for each in seen], committed - SAME)
    return seen[place].at


def quiet_copy(leader: ground.Leader, clients: List[str], path_of: Dict[str, str]) -> None:
    """Everything the applications wrote is in the copies."""
    for client in clients:
        ran = leader.tell('verify', client)
        if ran.code != 0:
            raise SystemExit(f'verify of {client} ({path_of[client]}): exit {ran.code}\n{ran.output[-3000:]}')
