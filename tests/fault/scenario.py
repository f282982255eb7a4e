"""
SQLite + Supabase Sync System - Fault Scenarios

A client with a sample database whose deletions are recorded in the source by triggers, so that afterwards three things can be
proved: the copy is equal, nothing was archived that was not deleted, and no deletion was applied twice or forgotten.
"""

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Counter as Counts, Dict, List, Optional, Set

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from oracle.decode import TEXT, Value, encode_key  # noqa: E402
from support.private_postgres import PrivatePostgres  # noqa: E402
from support.product import Product, Ran  # noqa: E402

SAMPLE = str(Path(__file__).resolve().parents[1] / 'support/openwebui_sample.py')
KEYS: Dict[str, List[str]] = {'chat': ['id'], 'message': ['id'], 'message_reaction': ['id'], 'tag': ['id', 'user_id']}
# A killed run's lease ends by itself after this; tests of the engine let that time pass at once (expire_lease).
SHORT_LEASE = {'LEASE_DURATION': '6', 'HEARTBEAT_INTERVAL': '2'}


class Scenario:
    """One client of one product, with its checks."""

    def __init__(self, product: Product, name: str, **sample: int) -> None:
        self.product, self.name = product, name
        self.settings = dict(SHORT_LEASE)
        self.folder = product.directory / name
        self.folder.mkdir()
        self.path = str(self.folder / 'webui.db')
        options = {'users': 10, 'chats': 80, 'messages': 300, 'seed': 3, 'chat_bytes': 3000, **sample}
        flags = [word for key, value in options.items() for word in ('--' + key.replace('_', '-'), str(value))]
        subprocess.run([sys.executable, '-B', SAMPLE, 'build', self.path, *flags], check=True)
        database = sqlite3.connect(self.path)
        database.execute('CREATE TABLE deletion (number INTEGER PRIMARY KEY, table_name TEXT, k1 TEXT, k2 TEXT)')
        for table, columns in KEYS.items():
            old = ', '.join(f'OLD.{column}' for column in columns) + (', NULL' if len(columns) == 1 else '')
            database.execute(f'CREATE TRIGGER deleted_{table} AFTER DELETE ON "{table}" BEGIN '
                             f"INSERT INTO deletion (table_name, k1, k2) VALUES ('{table}', {old}); END")
        database.commit()
        database.close()
        product.register(name, self.path)

    def environment(self, url: Optional[str] = None, state: Optional[Path] = None) -> Dict[str, str]:
        return {**self.product.environment(url, state), **self.settings}

    def sync(self, url: Optional[str] = None, state: Optional[Path] = None, *arguments: str) -> Ran:
        return self.product.sync(self.name, self.path, *arguments, env=self.environment(url, state))

    def start(self, url: Optional[str] = None, state: Optional[Path] = None) -> 'subprocess.Popen[str]':
        return self.product.start(self.name, self.path, env=self.environment(url, state))

    def synced(self, *arguments: str) -> None:
        ran = self.sync(None, None, *arguments)
        require(ran.code == 0, f'sync exit {ran.code}\n{ran.output}')

    def mutate(self, operations: int, seed: int) -> None:
        """A burst of the application's writes."""
        subprocess.run([sys.executable, '-B', SAMPLE, 'mutate', self.path, '--ops', str(operations), '--seed', str(seed)],
                       check=True, stdout=subprocess.DEVNULL)

    def change(self, seed: int) -> None:
        """A few of the application's writes, certainly with an update and deletions."""
        self.mutate(10, seed)
        database = sqlite3.connect(self.path, timeout=10)
        with database:
            database.execute('UPDATE "user" SET last_active_at = ?', (seed,))
            database.execute('DELETE FROM message WHERE id IN (SELECT id FROM message ORDER BY id LIMIT 2)')
        database.close()

    def writer(self, seconds: float, rate: float, seed: int = 1, journal: str = 'app') -> 'subprocess.Popen[str]':
        """The application at work in its own process."""
        return subprocess.Popen([sys.executable, '-B', SAMPLE, 'mutate', self.path, '--seconds', str(seconds), '--rate', str(rate),
                                 '--seed', str(seed), '--journal', journal], stdout=subprocess.PIPE, text=True)

    def release_brake(self) -> None:
        """For workloads that rightly delete most of a table between two syncs."""
        self.settings['BRAKE_MIN_ROWS'] = '1000000000'

    def expire_lease(self) -> None:
        """Lets the lease of a run that was killed run out now: it can no longer renew it."""
        expire_lease(self.product.server)

    # --- checks ---------------------------------------------------------------------------------------
    def keys(self) -> Dict[str, Set[bytes]]:
        """Row keys of the source by table."""
        database = sqlite3.connect(self.path)
        found = {table: {key_of(row) for row in database.execute(f'SELECT {", ".join(columns)} FROM "{table}"')}
                 for table, columns in KEYS.items()}
        database.close()
        return found

    def deletions(self) -> Counts[bytes]:
        database = sqlite3.connect(self.path)
        rows = database.execute('SELECT table_name, k1, k2 FROM deletion').fetchall()
        database.close()
        return Counter(table.encode() + b'/' + key_of(row if len(KEYS[table]) == 2 else row[:1]) for table, *row in rows)

    def archive(self) -> Counts[bytes]:
        text = self.product.psql(f"SELECT table_name || ' ' || encode(row_key, 'hex') FROM {self.product.schema(self.name)}._sync_archive")
        return Counter(line.split(' ')[0].encode() + b'/' + bytes.fromhex(line.split(' ')[1]) for line in text.splitlines())

    def check(self, first_keys: Optional[Dict[str, Set[bytes]]] = None) -> None:
        """Everything that must hold after the last sync; `first_keys`: what the first sync had put into the copy."""
        report = self.product.oracle(self.name, self.path)
        require(not report.problems, 'the copy differs:\n' + '\n'.join(report.problems[:20]))
        archived, deleted = self.archive(), self.deletions()
        invented = {key: count for key, count in archived.items() if count > deleted[key]}
        require(not invented, f'archived more often than deleted in the source: {list(invented.items())[:5]}')
        if first_keys is not None:
            now = self.keys()
            forgotten = [key for table, keys in first_keys.items() for key in keys - now[table] if table.encode() + b'/' + key not in archived]
            require(not forgotten, f'{len(forgotten)} removed rows are not in the archive')
        require(self.product.conflicts() == 0, 'a conflict was recorded that nobody caused')


def is_starved(code: int, output: str) -> bool:
    """The run gave up rather than delay the application, and says so."""
    return code == 1 and any(words in output for words in ('written all the time', 'no consistent snapshot', 'no quiet moment to read'))


def key_of(row: List[str]) -> bytes:
    return encode_key([Value(TEXT, str(part).encode()) for part in row])


def expire_lease(server: PrivatePostgres) -> None:
    server.superuser_psql('UPDATE sync_metadata.leader_election SET expires_at = clock_timestamp() WHERE expires_at > clock_timestamp()')


def require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def is_long() -> bool:
    return bool(os.environ.get('SYNC_NODE_LONG'))
