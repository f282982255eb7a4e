"""
SQLite + Supabase Sync System - Demonstration

What ./dev demo shows: a private PostgreSQL, a sample Open WebUI database with an application writing to it, its exact copy, and an
insert, an update and a delete arriving. Everything lives in one temporary directory and is gone afterwards, unless --keep.
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
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.openwebui_sample import open_as_app  # noqa: E402
from support.product import Product  # noqa: E402

SAMPLE = str(Path(__file__).with_name('openwebui_sample.py'))
COLOUR = sys.stdout.isatty()
CLIENT = 'demo'


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
    """One walk through the product; the application is a process of its own."""

    def __init__(self, product: Product) -> None:
        self.product = product
        folder = product.directory / 'open-webui'
        folder.mkdir()
        self.path = str(folder / 'webui.db')

    def product_says(self, program: str, *arguments: str) -> None:
        show([program, *arguments])
        ran = self.product.run(program, *arguments)
        indented(ran.output)
        if ran.code != 0:
            raise SystemExit(f'{program} ended with {ran.code}')

    def sync(self) -> None:
        self.product_says('sync-client-to-supabase', CLIENT, '--sqlite-path', self.path)

    def ask(self, sql: str) -> str:
        show(['psql', '-c', sql])
        done = subprocess.run(['psql', '-X', '-d', self.product.cluster.url, '-P', 'footer=off', '-c', sql], capture_output=True, text=True)
        indented(done.stdout + done.stderr)
        return done.stdout

    def write(self, sql: str, *parameters: object) -> None:
        """As the application: its own connection, its PRAGMAs."""
        show(['sqlite3', 'webui.db', sql])
        connection = open_as_app(self.path, 'app')
        connection.execute(sql, parameters)
        connection.close()

    def change_arrives(self, what: str, sql: str, question: str, expected: str, *parameters: object) -> None:
        step(f'{what} in SQLite …')
        self.write(sql, *parameters)
        self.sync()
        print('  … and in PostgreSQL:')
        if expected not in self.ask(question):
            raise SystemExit(f'the {what.lower()} did not arrive')

    def first_copy(self) -> None:
        step('A sample Open WebUI database, and an application that writes to it')
        subprocess.run([sys.executable, '-B', SAMPLE, 'build', self.path, '--chats', '300', '--messages', '2000'], check=True)
        open_as_app(self.path, 'app').close()
        print(f'  {self.path}: {os.path.getsize(self.path) / 1e6:.1f} MB; 20 transactions a second from now on')
        self.application = subprocess.Popen([sys.executable, '-B', SAMPLE, 'mutate', self.path, '--seconds', '600', '--rate', '20'],
                                            stdout=subprocess.DEVNULL)
        step('Register the client, then the first copy')
        self.product_says('sync-nodectl', 'client', 'register', CLIENT, '--sqlite-path', self.path, '--admin-url-file',
                          str(self.product.admin_file))
        self.sync()
        self.ask('SELECT table_name, key_kind, quarantined FROM client_demo._sync_tables ORDER BY 1')
        self.ask('SELECT count(*) AS chats, pg_size_pretty(sum(length(chat::text))) AS documents FROM client_demo.chat')

    def changes(self) -> None:
        schema = 'client_demo'
        self.change_arrives('An insert', 'INSERT INTO message (id, user_id, content, data, created_at, is_pinned) VALUES (?, ?, ?, ?, ?, 0)',
                            f"SELECT id, content, created_at FROM {schema}.message WHERE id = 'hello'", 'Hello from SQLite',
                            'hello', 'me', 'Hello from SQLite 👋', 'null', time.time_ns())
        self.change_arrives('An update', 'UPDATE message SET content = ?, is_pinned = 1 WHERE id = ?',
                            f"SELECT id, content, is_pinned FROM {schema}.message WHERE id = 'hello'", 'second thoughts',
                            'On second thoughts: second thoughts', 'hello')
        self.change_arrives('A delete', 'DELETE FROM message WHERE id = ?',
                            f"SELECT table_name, row_image ->> 'content' AS removed, removed_at FROM {schema}._sync_archive "
                            "WHERE row_image ->> 'id' = 'hello'", 'second thoughts', 'hello')

    def proof(self) -> None:
        step('Proof: a snapshot is pinned, shipped, and compared value by value on both sides')
        self.product_says('sync-nodectl', 'verify', CLIENT)
        self.application.terminate()
        self.application.wait()
        self.sync()
        step('And by the oracle, which shares no code with the product')
        report = self.product.oracle(CLIENT, self.path)
        indented('\n'.join(report.problems) or f'equal: {report.tables} tables, {report.rows} rows, {report.quarantined} values in quarantine')
        if report.problems:
            raise SystemExit('the copy differs')

    def next_things(self, kept: bool) -> None:
        step('What to try next')
        print('  ./dev demo --keep      leaves all of this running and prints how to reach it\n'
              '  ./dev test             every test, under sanitizers too\n'
              '  ./dev help             the rest')
        if kept:
            environment = ' '.join(f'{key}={shlex.quote(self.product.environment()[key])}' for key in
                                   ('DATABASE_URL', 'CLUSTER_NAME', 'STATE_DIRECTORY'))
            step('Still running; Ctrl-C ends it and cleans up')
            print(f'  export {environment}\n  psql "$DATABASE_URL"\n  sqlite3 {self.path}\n'
                  f'  build/bin/sync-client-to-supabase {CLIENT} --sqlite-path {self.path}\n  build/bin/sync-nodectl verify {CLIENT}')


def main() -> int:
    parser = argparse.ArgumentParser(prog='./dev demo', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--keep', action='store_true', help='stay up until Ctrl-C')
    args = parser.parse_args()
    started = time.monotonic()
    step('A private PostgreSQL with the schema of sql/, applied by an administrator who is no superuser')
    with Product('demo-host') as product:
        print(f'  {product.server.directory}, ended with this demonstration')
        demo = Demo(product)
        try:
            demo.first_copy()
            demo.changes()
            demo.proof()
            print(f'\n{bold("Done")} in {time.monotonic() - started:.0f} s.')
            demo.next_things(args.keep)
            sys.stdout.flush()
            if args.keep:
                signal.sigwait({signal.SIGINT, signal.SIGTERM})
        finally:
            if hasattr(demo, 'application') and demo.application.poll() is None:
                demo.application.kill()
                demo.application.wait()
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (RuntimeError, sqlite3.Error) as problem:
        print(f'demo failed: {problem}', file=sys.stderr)
        sys.exit(1)
