"""
SQLite + Supabase Sync System - Demonstration

What ./dev demo shows: a private PostgreSQL, two nodes on a private D-Bus, a sample Open WebUI database with an application writing
to it, its exact copy, an insert, an update and a delete arriving by themselves, the leader killed and the other node taking over.
Everything lives in temporary directories and is gone afterwards, unless --keep.
"""

import argparse
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.nodes import Node, PrivateBus, leader_of, until  # noqa: E402
from support.openwebui_sample import open_as_app  # noqa: E402
from support.product import Product  # noqa: E402

SAMPLE = str(Path(__file__).with_name('openwebui_sample.py'))
COLOUR = sys.stdout.isatty()
CLIENT, SCHEMA = 'demo', 'client_demo'


def bold(text: str) -> str:
    return f'\033[1m{text}\033[0m' if COLOUR else text


def step(text: str) -> None:
    print(f'\n{bold("==> " + text)}', flush=True)


def show(command: List[str]) -> None:
    print('  $ ' + ' '.join(shlex.quote(word) for word in command), flush=True)


def indented(text: str) -> None:
    for line in text.rstrip().splitlines():
        print('    ' + line, flush=True)


class Demo:
    """One walk through the product; the application and the nodes are processes of their own."""

    def __init__(self, product: Product, bus: PrivateBus) -> None:
        self.product, self.bus = product, bus
        folder = product.directory / 'open-webui'
        folder.mkdir()
        self.path = str(folder / 'webui.db')
        # A lost host would be noticed within ten seconds; a killed node is noticed at once.
        self.settings = {'LEASE_DURATION': '10', 'HEARTBEAT_INTERVAL': '3'}
        self.nodes = {letter: Node(product, letter, bus, **self.settings) for letter in 'ab'}
        self.application: Optional['subprocess.Popen[bytes]'] = None

    def environment(self) -> Dict[str, str]:
        return {**self.product.environment(), 'BUS_ADDRESS': self.bus.address}

    def product_says(self, program: str, *arguments: str, expect: Sequence[int] = (0,)) -> None:
        show([program, *arguments])
        ran = self.product.run(program, *arguments, env=self.environment())
        indented(ran.output)
        if ran.code not in expect:
            raise SystemExit(f'{program} ended with {ran.code}')

    def leader(self) -> Node:
        leader = until('a node leads', 20, lambda: leader_of(self.product))
        return self.nodes[leader[-1]]

    def answer(self, sql: str) -> str:
        done = subprocess.run(['psql', '-X', '-d', self.product.cluster.url, '-P', 'footer=off', '-c', sql], capture_output=True, text=True)
        return done.stdout + done.stderr

    def ask(self, sql: str) -> None:
        show(['psql', '-c', sql])
        indented(self.answer(sql))

    def write(self, sql: str, *parameters: object) -> None:
        """As the application: its own connection, its PRAGMAs."""
        show(['sqlite3', 'webui.db', sql])
        connection = open_as_app(self.path, 'app')
        connection.execute(sql, parameters)
        connection.close()

    def change_arrives(self, what: str, sql: str, question: str, expected: str, *parameters: object) -> None:
        """Nobody syncs: the leader does."""
        step(f'{what} in SQLite …')
        self.write(sql, *parameters)
        began = time.monotonic()
        until(f'{what} arrives', 30, lambda: expected in self.answer(question))
        print(f'  … and in PostgreSQL, {time.monotonic() - began:.1f} s later, by itself:')
        self.ask(question)

    def first_copy(self) -> None:
        step('A sample Open WebUI database, and an application that writes to it')
        subprocess.run([sys.executable, '-B', SAMPLE, 'build', self.path, '--chats', '300', '--messages', '2000'], check=True)
        open_as_app(self.path, 'app').close()
        print(f'  {self.path}: {os.path.getsize(self.path) / 1e6:.1f} MB; 20 transactions a second from now on')
        self.application = subprocess.Popen([sys.executable, '-B', SAMPLE, 'mutate', self.path, '--seconds', '86400', '--rate', '20'],
                                            stdout=subprocess.DEVNULL)
        step('Two nodes on this host; PostgreSQL decides which one leads')
        for letter, node in self.nodes.items():
            show(['sync-node', '--node', letter])
            node.start()
        self.leader()
        step('Register the client; the leader copies it within seconds, then every second')
        self.product_says('sync-nodectl', 'client', 'register', CLIENT, '--sqlite-path', self.path, '--interval', '1', '--admin-url-file',
                          str(self.product.admin_file))
        self.product_says('sync-nodectl', 'client', 'resume', CLIENT)
        self.product_says('sync-nodectl', 'sync', CLIENT)
        self.product_says('sync-nodectl', 'status')
        self.ask(f'SELECT count(*) AS chats, pg_size_pretty(sum(length(chat::text))) AS documents FROM {SCHEMA}.chat')

    def changes(self) -> None:
        self.change_arrives('An insert', 'INSERT INTO message (id, user_id, content, data, created_at, is_pinned) VALUES (?, ?, ?, ?, ?, 0)',
                            f"SELECT id, content, created_at FROM {SCHEMA}.message WHERE id = 'hello'", 'Hello from SQLite',
                            'hello', 'me', 'Hello from SQLite 👋', 'null', time.time_ns())
        self.change_arrives('An update', 'UPDATE message SET content = ?, is_pinned = 1 WHERE id = ?',
                            f"SELECT id, content, is_pinned FROM {SCHEMA}.message WHERE id = 'hello'", 'second thoughts',
                            'On second thoughts: second thoughts', 'hello')
        self.change_arrives('A delete', 'DELETE FROM message WHERE id = ?',
                            f"SELECT table_name, row_image ->> 'content' AS removed, removed_at FROM {SCHEMA}._sync_archive "
                            "WHERE row_image ->> 'id' = 'hello'", 'second thoughts', 'hello')

    def failover(self) -> None:
        leader = self.leader()
        other = self.nodes['b' if leader.letter == 'a' else 'a']
        step(f'The leader, node {leader.letter}, is killed without a word')
        show(['kill', '-9', str(leader.pid)])
        killed = time.time()
        leader.kill()
        until('the other node leads', 30, lambda: leader_of(self.product) == other.node_id)
        since = float(self.product.psql('SELECT extract(epoch FROM acquired_at) FROM sync_metadata.leader_election'))
        print(f'  node {other.letter} leads, {(since - killed) * 1000:.0f} ms after the kill by the clock of PostgreSQL')
        self.product_says('sync-nodectl', 'status', expect=(2,))
        self.change_arrives('The next change', 'UPDATE chat SET title = ? WHERE id = (SELECT min(id) FROM chat)',
                            f"SELECT title FROM {SCHEMA}.chat WHERE title LIKE 'after%'", 'after the failover', 'after the failover')
        step(f'Node {leader.letter} comes back, and stands by')
        show(['sync-node', '--node', leader.letter])
        leader.start()
        self.product_says('sync-nodectl', 'leader')

    def proof(self) -> None:
        step('Proof: a snapshot is pinned, shipped, and compared value by value on both sides')
        print('  (the leader does it, while the application writes on)')
        self.product_says('sync-nodectl', 'verify', CLIENT)
        self.end_application()
        self.product_says('sync-client-to-supabase', CLIENT)
        step('And by the oracle, which shares no code with the product')
        report = self.product.oracle(CLIENT, self.path)
        indented('\n'.join(report.problems) or f'equal: {report.tables} tables, {report.rows} rows, {report.quarantined} values in quarantine')
        if report.problems:
            raise SystemExit('the copy differs')

    def end_application(self) -> None:
        if self.application is not None and self.application.poll() is None:
            self.application.terminate()
            self.application.wait()

    def next_things(self) -> None:
        step('What to try next')
        print('  ./dev demo --keep      leaves all of this running and prints how to reach it\n'
              '  ./dev test             every test, under sanitizers too\n'
              '  ./dev help             the rest')

    def keep(self) -> None:
        """Until Ctrl-C."""
        values = {**self.product.environment(), 'BUS_ADDRESS': self.bus.address}
        exports = ' '.join(f'{key}={shlex.quote(values[key])}' for key in ('DATABASE_URL', 'CLUSTER_NAME', 'STATE_DIRECTORY', 'BUS_ADDRESS'))
        ports = ' '.join(str(node.api_port()) for node in self.nodes.values())
        step('Both nodes run on; Ctrl-C ends them and cleans up')
        print(f'  export {exports} PATH=$PWD/build/bin:$PATH\n'
              f'  sync-nodectl status; sync-nodectl jobs; sync-nodectl step-down\n'
              f'  sync-nodectl sync {CLIENT} --full; sync-nodectl verify {CLIENT}\n'
              f'  sqlite3 {self.path}\n'
              f'  psql "$DATABASE_URL" -c "SELECT title FROM {SCHEMA}.chat LIMIT 5"\n'
              f'  curl -s http://127.0.0.1:PORT/health          # PORT: {ports}')
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})

    def end(self) -> None:
        self.end_application()
        for node in self.nodes.values():
            node.clean()


def main() -> int:
    parser = argparse.ArgumentParser(prog='./dev demo', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--keep', action='store_true', help='stay up until Ctrl-C')
    args = parser.parse_args()
    started = time.monotonic()
    step('A private PostgreSQL with the schema of sql/, applied by an administrator who is no superuser')
    with Product('demo-host') as product, PrivateBus() as bus:
        print(f'  {product.server.directory}, ended with this demonstration')
        demo = Demo(product, bus)
        try:
            demo.first_copy()
            demo.changes()
            demo.failover()
            demo.proof()
            print(f'\n{bold("Done")} in {time.monotonic() - started:.0f} s.')
            demo.next_things()
            sys.stdout.flush()
            if args.keep:
                demo.keep()
        finally:
            demo.end()
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (RuntimeError, sqlite3.Error) as problem:
        print(f'demo failed: {problem}', file=sys.stderr)
        sys.exit(1)
