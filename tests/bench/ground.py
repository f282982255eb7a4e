"""
SQLite + Supabase Sync System - Ground Of A Benchmark

What a bench stands on: sources of a wanted size (made once, kept beside the programs), a server with its settings, a leading node, and a
reader on the PostgreSQL side that notes when each generation of a copy became visible.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional

import psycopg2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.nodes import Node, PrivateBus, until  # noqa: E402
from support.private_postgres import PrivatePostgres  # noqa: E402
from support.product import BINARIES, Product, Ran  # noqa: E402

SAMPLE = str(Path(__file__).resolve().parents[1] / 'support/openwebui_sample.py')
DATA = BINARIES.parent / 'bench-data'
SETTINGS = {'wal_level': 'replica', 'shared_buffers': '256MB', 'max_wal_size': '4GB', 'checkpoint_timeout': '15min',
            'maintenance_work_mem': '64MB', 'synchronous_commit': 'on'}
# Beside nodes: who sent how many statements, and when each transaction was committed.
WATCHED = {**SETTINGS, 'shared_preload_libraries': 'pg_stat_statements', 'track_commit_timestamp': 'on', 'max_connections': '100'}
CHATS_505_MB = 10_200
LARGEST_BUILT = 505


# --- sources ----------------------------------------------------------------------------------------------------------
def kept(name: str, *command: str) -> Path:
    """The file of that name, made by the sample's program if it is not there yet."""
    DATA.mkdir(parents=True, exist_ok=True)
    path = DATA / name
    if not path.exists():
        unfinished = path.with_suffix('.part')
        subprocess.run([sys.executable, '-B', SAMPLE, command[0], str(unfinished), *command[1:]], check=True)
        os.replace(unfinished, path)
    return path


def narrow(rows: int) -> Path:
    return kept(f'narrow-{rows}.db', 'wide', '--rows', str(rows))


def chats(megabytes: int) -> Path:
    """An Open WebUI file of about that size; a larger one than the sample builds in reasonable time repeats its chats under other ids."""
    if megabytes <= LARGEST_BUILT:
        number = max(100, CHATS_505_MB * megabytes // LARGEST_BUILT)
        few = str(min(5000, 10 * megabytes))
        return kept(f'chats-{megabytes}.db', 'build', '--users', '200', '--chats', str(number), '--messages', few, '--chat-bytes', '9000')
    path = DATA / f'chats-{megabytes}.db'
    if not path.exists():
        unfinished = path.with_suffix('.part')
        shutil.copyfile(chats(LARGEST_BUILT), unfinished)
        repeat_chats(unfinished, round(megabytes / LARGEST_BUILT) - 1)
        os.replace(unfinished, path)
    return path


def repeat_chats(path: Path, times: int) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute('PRAGMA synchronous=OFF')
    database.execute('BEGIN')
    for table, changed in (('chat', ['id']), ('chat_message', ['id', 'chat_id'])):
        columns = [row[1] for row in database.execute(f'PRAGMA table_info({table})')]
        last = database.execute(f'SELECT max(rowid) FROM {table}').fetchone()[0]
        for turn in range(1, times + 1):
            values = ', '.join(f"'{turn}-' || {name}" if name in changed else name for name in columns)
            database.execute(f'INSERT INTO {table} SELECT {values} FROM {table} WHERE rowid <= {last}')
    database.execute('COMMIT')
    database.close()


def copied(product: Product, original: Path, name: str) -> str:
    """A source of its own in a directory of its own, as a container's volume is."""
    folder = product.directory / f'{name}-data'
    folder.mkdir()
    shutil.copyfile(original, folder / 'webui.db')
    os.sync()
    return str(folder / 'webui.db')


def megabytes(path: str) -> float:
    return os.path.getsize(path) / 1e6


# --- server, node -----------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def product_on(settings: Dict[str, str], elsewhere: bool = False) -> Iterator[Product]:
    """`elsewhere`: the server stands for one on another host, as in production: its files are in memory and it gets the processor last."""
    with PrivatePostgres(fsync=True, settings=settings, directory='/dev/shm' if elsewhere else None) as server, Product('bench', server) as product:
        if elsewhere and server.process:
            os.setpriority(os.PRIO_PROCESS, server.process.pid, 19)  # its sessions inherit it
        if 'pg_stat_statements' in settings.get('shared_preload_libraries', ''):
            server.superuser_psql('CREATE EXTENSION pg_stat_statements')
        yield product


class Leader:
    """One leading node on a bus of its own."""

    def __init__(self, product: Product, **settings: str) -> None:
        self.product = product
        self.bus = PrivateBus()
        self.node = Node(product, 'a', self.bus, BRAKE_MIN_ROWS='1000000000', **settings)

    def __enter__(self) -> 'Leader':
        try:
            self.node.start()
            until('the node to lead', 30, lambda: self.node.health()['is_leader'])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.node.process is not None and self.node.process.poll() is None:
            self.node.stop()
        self.node.clean()
        self.bus.stop()

    def tell(self, *arguments: str) -> Ran:
        return self.product.run('sync-nodectl', *arguments, env={**self.product.environment(), 'BUS_ADDRESS': self.bus.address})

    def must(self, *arguments: str) -> str:
        ran = self.tell(*arguments)
        if ran.code != 0:
            raise SystemExit(f'sync-nodectl {" ".join(arguments)}: exit {ran.code}\n{ran.output}\n{self.node.text()[-3000:]}')
        return ran.output

    def follow(self, *clients: str) -> str:
        """Live where the programs can, every second where they cannot; which of both."""
        words = ['live' if self.tell('client', 'set-interval', name, 'live').code == 0 else '1' for name in clients]
        for name, word in zip(clients, words):
            if word != 'live':
                self.must('client', 'set-interval', name, word)
            self.must('client', 'resume', name)
        return 'live' if set(words) == {'live'} else 'every second (these programs have no live mode)'

    def trigger(self, client: str, **more: bool) -> str:
        answer = self.node.http('POST', '/api/v1/sync/trigger', {'client_name': client, **more})
        if answer.status != 202:
            raise SystemExit(f'trigger: {answer.status} {answer.body}')
        return answer.headers['Location']

    def ended(self, where: str, seconds: float = 900) -> Dict[str, Any]:
        """The job, when it is over."""
        def over() -> Optional[Dict[str, Any]]:
            job = self.node.http('GET', where).body
            return job if job['status'] not in ('pending', 'running') else None

        job = until(f'the job {where}', seconds, over, 0.01)
        if job['status'] != 'success':
            raise SystemExit(f'the job ended {job["status"]}: {job}\n{self.node.text()[-3000:]}')
        return dict(job)

    def synced(self, client: str, **more: bool) -> Dict[str, Any]:
        return self.ended(self.trigger(client, **more))


def paused(product: Product, name: str, path: str) -> None:
    """Registered, synced when asked for and not otherwise."""
    product.register(name, path)
    product.server.superuser_psql(f"UPDATE sync_metadata.client_deployments SET sync_enabled = false, status = 'active' WHERE client_name = '{name}'")


# --- the reader on the other side -------------------------------------------------------------------------------------
class Seen(NamedTuple):
    at: float         # by this machine's clock, when the reader had the answer
    committed: float  # by the server's clock, which is the same: what its commit record says
    generation: int


class Reader:
    """Asks for the state of one copy again and again and keeps what changed. One thread, ended by leaving the block."""

    QUESTION = 'SELECT generation, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM {}._sync_state'

    def __init__(self, product: Product, client: str, every: float = 0.001) -> None:
        self.connection = psycopg2.connect(product.server.superuser_url())
        self.connection.autocommit = True
        self.question = self.QUESTION.format(product.schema(client))
        self.every = every
        self.seen: List[Seen] = []
        self.changed = threading.Condition()
        self.finished = threading.Event()
        self.thread = threading.Thread(target=self.read, daemon=True)

    def read(self) -> None:
        with self.connection.cursor() as cursor:
            while not self.finished.wait(self.every):
                cursor.execute(self.question)
                row = cursor.fetchone()
                if row is not None and row[1] is not None and (not self.seen or row[0] != self.seen[-1].generation):
                    with self.changed:
                        self.seen.append(Seen(time.time(), row[1], row[0]))
                        self.changed.notify_all()

    def generation(self) -> int:
        """The newest that is visible; waits for the first answer."""
        with self.changed:
            if not self.changed.wait_for(lambda: bool(self.seen), 30):
                raise SystemExit('the copy has no state')
            return self.seen[-1].generation

    def beyond(self, generation: int, seconds: float = 600) -> Seen:
        """The first seen of a newer generation."""
        def newer() -> Optional[Seen]:
            return next((each for each in self.seen if each.generation > generation), None)

        with self.changed:
            found = self.changed.wait_for(newer, seconds)
        if not found:
            raise SystemExit(f'no generation after {generation} within {seconds} s')
        return found

    def __enter__(self) -> 'Reader':
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.finished.set()
        self.thread.join()
        self.connection.close()


class Statements:
    """What the cluster's login sent, by the server's own count."""

    def __init__(self, product: Product) -> None:
        self.product = product

    def reset(self) -> None:
        self.product.server.superuser_psql('SELECT pg_stat_statements_reset()')

    def counted(self) -> Dict[str, int]:
        text = self.product.server.superuser_psql(
            "SELECT sum(calls) || '|' || left(regexp_replace(query, '\\s+', ' ', 'g'), 80) FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid "
            f"WHERE r.rolname = '{self.product.cluster.login}' AND toplevel GROUP BY left(regexp_replace(query, '\\s+', ' ', 'g'), 80)")
        return {query: int(calls) for calls, _, query in (line.partition('|') for line in text.splitlines())}
