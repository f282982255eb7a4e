"""
SQLite + Supabase Sync System - Sample Open WebUI Databases

Builds a `webui.db` with the shapes and values real hosts have, and imitates an application that writes to one.

  openwebui_sample.py build OUT.db [--schema current|legacy] [--users N] [--chats N] [--messages N] [--chat-bytes N]
  openwebui_sample.py wide  OUT.db [--rows N]
  openwebui_sample.py mutate DB [--ops N | --seconds S] [--rate TX_PER_S] [--journal app|legacy] [--seed N]

JSON is written as the application does: ASCII with escapes (so \\u0000, lone surrogates and NaN occur), a Python None as the
text `null`, an omitted column as NULL. Every transaction of `mutate` opens its own connection with the application's PRAGMAs.
"""

import argparse
import json
import random
import sqlite3
import sys
import time
import zlib
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.openwebui_schema import REVISIONS, SCHEMAS  # noqa: E402

NOW = 1785200000
SENTENCES = [
    'the model returns a list of tokens and we need to parse them before the request is sent',
    'Könntest du bitte erklären, warum die Übertragung über den Proxy länger dauert?',
    'Объясни, пожалуйста, почему запрос выполняется так медленно.', '请帮我总结这份文档的主要内容，并且列出三个要点。',
    'この関数はどのように動作しますか。', 'مرحبا هل يمكنك شرح كيفية العمل', '## Steps 🚀\n1. **first** ✅\n2. second ❌',
    '```python\nfor line in r.iter_lines():\n    print(line[6:], end="")\n```', '| a | b |\n|---|---:|\n| 1 | 2 |', 'ok',
    'C:\\path\\new\t"quoted" \'single\' ; -- comment', '👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 e\u0301 \u202eRTL\u202c \ufeff zero\u200bwidth',
]
ODD_JSON = ['a\x00b\x00', 'literal \\u0000', 'lone \ud83d here', '\u2028\u2029', float('nan'), float('inf'), 1e400, 10**30]
ODD_TEXT = ['nul\x00tail', '', 'NaN', '\\.', '\\N', 'true', '007', ' leading', 'a\rb\r\nc\n']
MODELS = ['llama3.1:8b', 'qwen2.5:32b', 'gpt-4o-mini', 'openrouter/anthropic/claude']
APP_PRAGMAS = ('journal_mode=WAL', 'synchronous=NORMAL', 'busy_timeout=5000', 'cache_size=-65536', 'temp_store=MEMORY',
               'mmap_size=268435456', 'journal_size_limit=67108864')
LEGACY_PRAGMAS = ('journal_mode=DELETE', 'busy_timeout=5000')
Row = Dict[str, Any]
Statement = Tuple[str, Iterable[Any]]


class Values:
    """Seeded source of realistic values."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pool = [' '.join(self.random.choice(SENTENCES) for _ in range(self.random.randint(1, 6))) for _ in range(400)]

    def uuid(self) -> str:
        digits = '%032x' % self.random.getrandbits(128)
        return f'{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}'

    def seconds(self) -> int:
        return NOW - self.random.randrange(86400 * 400)

    def nanoseconds(self) -> int:
        return self.seconds() * 10**9 + self.random.randrange(10**9)

    def text(self, size: int) -> str:
        parts: List[str] = []
        length = 0
        while length < size:
            parts.append(self.random.choice(self.pool))
            length += len(parts[-1]) + 40
        return '\n\n'.join(parts)

    def plain(self) -> str:
        return self.random.choice(ODD_TEXT) if self.random.random() < 0.01 else self.text(60)

    def message(self, parent: Optional[str], size: int) -> Row:
        content: Any = self.text(size)
        if self.random.random() < 0.01:
            content = [content, self.random.choice(ODD_JSON)]
        message: Row = {'id': self.uuid(), 'parentId': parent, 'childrenIds': [], 'role': 'user' if parent is None else 'assistant',
                        'content': content, 'timestamp': self.seconds(), 'models': [self.random.choice(MODELS)]}
        if self.random.random() < 0.5:
            message['usage'] = {'total_tokens': self.random.randrange(9000), 'response_token/s': round(self.random.uniform(5, 130), 2)}
        return message

    def chat(self, chat_id: str, target: int) -> Tuple[Row, List[Row]]:
        messages: List[Row] = []
        size = 0
        while size < target:
            part = min(target, self.random.choice([80, 400, 1500, 4000]))
            messages.append(self.message(messages[-1]['id'] if messages else None, part))
            size += part + 300
        return {'id': chat_id, 'models': [self.random.choice(MODELS)], 'history': {
            'messages': {m['id']: m for m in messages}, 'currentId': messages[-1]['id']}, 'timestamp': NOW * 1000}, messages

    def chat_size(self, median: int) -> int:
        return min(200_000, max(600, int(self.random.lognormvariate(0, 0.9) * median)))


class Writer:
    """One connection for bulk building. Writes only columns that exist."""

    def __init__(self, path: str, schema: str) -> None:
        for suffix in ('', '-wal', '-shm', '-journal'):
            Path(path + suffix).unlink(missing_ok=True)
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.executescript('PRAGMA synchronous=OFF; BEGIN;' + SCHEMAS[schema])
        self.columns = columns_of(self.connection)
        self.add('alembic_version', {'version_num': REVISIONS[schema]})

    def add(self, table: str, row: Row) -> None:
        if table in self.columns:
            self.connection.execute(*insert(self.columns, table, row))

    def close(self) -> None:
        self.connection.execute('COMMIT')
        self.connection.close()


def columns_of(connection: sqlite3.Connection) -> Dict[str, List[str]]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()
    return {name: [row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')] for (name,) in tables}


def insert(columns: Dict[str, List[str]], table: str, row: Row, verb: str = 'INSERT') -> Statement:
    names = [name for name in columns[table] if name in row]
    quoted = ','.join(f'"{name}"' for name in names)
    return f'{verb} INTO "{table}" ({quoted}) VALUES ({",".join("?" * len(names))})', [row[name] for name in names]


def chat_rows(values: Values, user: str, size: int) -> Tuple[Row, List[Row]]:
    chat_id = values.uuid()
    chat, messages = values.chat(chat_id, size)
    created = values.seconds()
    title = values.random.choice(ODD_TEXT[1:]) if values.random.random() < 0.02 else values.random.choice(SENTENCES)[:40]
    row = {'id': chat_id, 'user_id': user, 'title': title, 'created_at': created, 'updated_at': created + 60, 'archived': 0,
           'pinned': values.random.choice([None, 0, 1]), 'chat': json.dumps(chat), 'meta': json.dumps({'tags': ['general']}),
           'tasks': 'null', 'last_read_at': created, 'current_message_id': messages[-1]['id']}
    rows = [{'id': f'{chat_id}-{m["id"]}', 'chat_id': chat_id, 'user_id': user, 'role': m['role'], 'parent_id': m['parentId'],
             'content': json.dumps(m['content']), 'model_id': m['models'][0], 'files': 'null', 'done': 1,
             'usage': json.dumps(m.get('usage')), 'created_at': created, 'updated_at': created} for m in messages[:6]]
    return row, rows


def build(args: argparse.Namespace) -> None:
    """A host with users, chats, channels, files and configuration."""
    values = Values(args.seed)
    choose = values.random.choice
    writer = Writer(args.db, args.schema)
    users = [values.uuid() for _ in range(args.users)]
    for number, user in enumerate(users):
        email = f'u{number}@example.org'
        writer.add('user', {'id': user, 'name': choose(['Anna', 'José', '伟', "D'Arcy"]), 'email': email, 'role': 'user',
                            'profile_image_url': '/user.png', 'last_active_at': values.seconds(), 'created_at': values.seconds(),
                            'date_of_birth': '1990-02-0%d' % (number % 9 + 1), 'settings': json.dumps({'ui': {'theme': 'dark'}}),
                            'info': 'null', 'oauth': None})
        writer.add('auth', {'id': user, 'email': email, 'password': '$2b$12$' + 'x' * 53, 'active': 1})
        for tag in ('general', 'データ', 'c++', '007'):
            writer.add('tag', {'id': tag, 'name': tag, 'user_id': user, 'meta': None})
    for _ in range(args.chats):
        row, rows = chat_rows(values, choose(users), values.chat_size(args.chat_bytes))
        writer.add('chat', row)
        for message in rows:
            writer.add('chat_message', message)
    channels = [values.uuid() for _ in range(5)]
    for number, channel in enumerate(channels):
        writer.add('channel', {'id': channel, 'user_id': users[0], 'name': f'channel-{number}', 'data': 'null',
                               'created_at': values.nanoseconds(), 'updated_at': values.nanoseconds()})
    for _ in range(args.messages):
        message = channel_message(values, choose(users), choose(channels))
        writer.add('message', message)
        writer.add('message_reaction', {'id': values.uuid(), 'user_id': choose(users), 'message_id': message['id'],
                                        'name': choose(['thumbsup', '🎉']), 'created_at': values.nanoseconds()})
    settings: Dict[str, Any] = {'ui.enable_signup': True, 'rag.top_k': 5, 'rag.threshold': 0.25, 'rag.zero': 0.0, 'jwt.expiry': '4w',
                                'ui.banners': [], 'openai.keys': ['sk-x'], 'big': 12345678901234567890, 'webui.url': None, 'exp': 1e300}
    for key, value in settings.items():
        writer.add('config', {'key': key, 'value': json.dumps(value), 'updated_at': NOW})
    for number in range(max(3, args.users // 5)):
        writer.add('file', {'id': values.uuid(), 'user_id': choose(users), 'filename': f'report {number}.pdf', 'hash': None,
                            'meta': json.dumps({'size': number}), 'data': json.dumps({'content': values.text(9000)}), 'created_at': NOW})
        writer.add('function', {'id': f'f/{number}:x', 'user_id': users[0], 'name': f'f{number}', 'content': 'def pipe():\n\treturn 1\n',
                                'meta': '{}', 'valves': None, 'is_active': number % 2, 'updated_at': NOW})
        writer.add('document', {'collection_name': f'd{number}', 'name': 'd', 'timestamp': NOW})
        writer.add('migratehistory', {'name': f'{number:03}_step', 'migrated_at': '2024-05-01 10:00:0%d' % (number % 9)})
    writer.close()


def channel_message(values: Values, user: str, channel: str) -> Row:
    created = values.nanoseconds()
    return {'id': values.uuid(), 'user_id': user, 'channel_id': channel, 'content': values.plain(), 'data': 'null',
            'created_at': created, 'updated_at': created, 'is_pinned': 0}


def wide(args: argparse.Namespace) -> None:
    """Many narrow rows: messages, reactions and tags."""
    values = Values(args.seed)
    choose = values.random.choice
    writer = Writer(args.db, 'current')
    users = [values.uuid() for _ in range(500)]
    short = [sentence[:70] for sentence in SENTENCES]
    for number in range(args.rows):
        kind = number % 20
        if kind < 9:
            row = channel_message(values, choose(users), users[number % 200])
            writer.add('message', {**row, 'content': choose(short)})
        elif kind < 16:
            writer.add('message_reaction', {'id': values.uuid(), 'user_id': choose(users), 'message_id': values.uuid(),
                                            'name': 'heart', 'created_at': values.nanoseconds()})
        else:
            writer.add('tag', {'id': f'tag_{number}', 'name': f'Tag {number}', 'user_id': users[number % 500], 'meta': None})
    writer.close()


# --- the application at work ------------------------------------------------------------------------------------------
def open_as_app(path: str, journal: str) -> sqlite3.Connection:
    """A connection as the application opens it, journal_mode set every time."""
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None)
    try:
        for pragma in APP_PRAGMAS if journal == 'app' else LEGACY_PRAGMAS:
            connection.execute('PRAGMA ' + pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class Mutator:
    """Picks operations; `transaction` is how they are committed."""

    def __init__(self, path: str, journal: str, seed: int) -> None:
        self.path, self.journal = path, journal
        self.latencies: List[float] = []
        self.busy = 0
        self.counts: Dict[str, int] = {}
        self.patiently(self.look)
        # Ids must be new ones however often the same seed is used on the same file.
        self.values = Values(zlib.crc32(repr((seed, self.chats, self.messages)).encode()))

    def look(self, connection: sqlite3.Connection) -> None:
        self.columns = columns_of(connection)
        self.users = [row[0] for row in connection.execute('SELECT id FROM "user"')]
        self.chats = [row[0] for row in connection.execute('SELECT id FROM chat ORDER BY id')]
        self.messages = [row[0] for row in connection.execute('SELECT id FROM message ORDER BY id LIMIT 5000')]

    def transaction(self, kind: str, *statements: Statement) -> None:
        """Opens, begins, writes, commits, closes."""
        def write(connection: sqlite3.Connection) -> None:
            connection.execute('BEGIN IMMEDIATE')
            for sql, parameters in statements:
                connection.execute(sql, tuple(parameters))
            connection.execute('COMMIT')

        started = time.perf_counter()
        self.patiently(write)
        self.latencies.append(time.perf_counter() - started)
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def patiently(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """A busy database is tried again as the application's pool would."""
        while True:
            connection = None
            try:
                connection = open_as_app(self.path, self.journal)
                return work(connection)
            except sqlite3.OperationalError as error:
                if 'locked' not in str(error) and 'busy' not in str(error):
                    raise
                self.busy += 1
            finally:
                if connection is not None:
                    connection.close()

    def active(self) -> None:
        self.transaction('user.update', ('UPDATE "user" SET last_active_at = ? WHERE id = ?',
                                         (self.values.seconds(), self.values.random.choice(self.users))))

    def new_chat(self) -> None:
        row, rows = chat_rows(self.values, self.values.random.choice(self.users), self.values.chat_size(4000))
        statements = [insert(self.columns, 'chat', row)]
        statements += [insert(self.columns, 'chat_message', message) for message in rows if 'chat_message' in self.columns]
        self.transaction('chat.insert', *statements)
        self.chats.append(row['id'])

    def continue_chat(self) -> None:
        chat_id = self.values.random.choice(self.chats)
        chat, _ = self.values.chat(chat_id, self.values.chat_size(6000))
        self.transaction('chat.update', ('UPDATE chat SET chat = ? WHERE id = ?', (json.dumps(chat), chat_id)))

    def flag(self) -> None:
        self.transaction('chat.flag', ('UPDATE chat SET pinned = NOT coalesce(pinned, 0) WHERE id = ?',
                                       (self.values.random.choice(self.chats),)))

    def delete_chat(self) -> None:
        if len(self.chats) > 20:
            chat_id = self.chats.pop(self.values.random.randrange(len(self.chats)))
            self.transaction('chat.delete', ('DELETE FROM chat WHERE id = ?', (chat_id,)))

    def post(self) -> None:
        row = channel_message(self.values, self.values.random.choice(self.users), 'c')
        self.transaction('message.insert', insert(self.columns, 'message', row))
        self.messages.append(row['id'])

    def retract(self) -> None:
        if len(self.messages) > 20:
            message = self.messages.pop(self.values.random.randrange(len(self.messages)))
            self.transaction('message.delete', ('DELETE FROM message_reaction WHERE message_id = ?', (message,)),
                             ('DELETE FROM message WHERE id = ?', (message,)))

    def tag(self) -> None:
        row = {'id': 'tag%d' % self.values.random.randrange(50), 'name': 't', 'user_id': self.values.random.choice(self.users)}
        if self.values.random.random() < 0.4:
            self.transaction('tag.delete', ('DELETE FROM tag WHERE id = ? AND user_id = ?', (row['id'], row['user_id'])))
        else:
            self.transaction('tag.insert', insert(self.columns, 'tag', row, 'INSERT OR REPLACE'))

    def configure(self) -> None:
        value = json.dumps(self.values.random.choice([7, 0.5, True, None, 'x', [1], 10**20]))
        key = 'test.%d' % self.values.random.randrange(20)
        self.transaction('config.upsert', insert(self.columns, 'config', {'key': key, 'value': value}, 'INSERT OR REPLACE'))

    def archive_all(self) -> None:
        self.transaction('chat.bulk', ('UPDATE chat SET archived = 1 - archived WHERE user_id = ?',
                                       (self.values.random.choice(self.users),)))

    def step(self) -> None:
        operations: List[Tuple[Callable[[], None], float]] = [
            (self.active, 20), (self.post, 18), (self.continue_chat, 14), (self.new_chat, 7), (self.flag, 8), (self.tag, 6),
            (self.retract, 4), (self.delete_chat, 3), (self.configure, 2), (self.archive_all, 0.3)]
        self.values.random.choices([o for o, _ in operations], [w for _, w in operations])[0]()


def percentile(values: List[float], share: float) -> float:
    """In milliseconds."""
    ordered = sorted(values) or [0.0]
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)


def mutate(args: argparse.Namespace) -> None:
    """Writes until the count or the time is reached; prints one JSON line of what it did."""
    mutator = Mutator(args.db, args.journal, args.seed)
    started = time.monotonic()
    done = 0
    while (done < args.ops) if args.ops else (time.monotonic() - started < args.seconds):
        mutator.step()
        done += 1
        ahead = started + done / args.rate - time.monotonic() if args.rate else 0
        if ahead > 0:
            time.sleep(ahead)  # the pace the caller asked for
    print(json.dumps({'transactions': len(mutator.latencies), 'seconds': round(time.monotonic() - started, 2), 'busy': mutator.busy,
                      'p50_ms': percentile(mutator.latencies, 0.5), 'p99_ms': percentile(mutator.latencies, 0.99),
                      'p999_ms': percentile(mutator.latencies, 0.999), 'operations': mutator.counts}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('verb', choices=['build', 'wide', 'mutate'])
    parser.add_argument('db')
    parser.add_argument('--schema', choices=sorted(SCHEMAS), default='current')
    parser.add_argument('--users', type=int, default=50)
    parser.add_argument('--chats', type=int, default=500)
    parser.add_argument('--messages', type=int, default=2000)
    parser.add_argument('--chat-bytes', type=int, default=9000, help='median size of a chat document')
    parser.add_argument('--rows', type=int, default=1_000_000)
    parser.add_argument('--ops', type=int, default=0)
    parser.add_argument('--seconds', type=float, default=10)
    parser.add_argument('--rate', type=float, default=0, help='transactions a second; 0: as fast as possible')
    parser.add_argument('--journal', choices=['app', 'legacy'], default='app')
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    {'build': build, 'wide': wide, 'mutate': mutate}[args.verb](args)
    return 0


if __name__ == '__main__':
    sys.exit(main())
