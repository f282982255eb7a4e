"""
SQLite + Supabase Sync System - Hostile Values and Names

What has broken copies before: values that PostgreSQL refuses, rewrites or rounds, and names it cannot hold.
"""

import json
import random
from typing import Any, List, Tuple

Bound = Tuple[str, Any]  # SQL for the value, its parameter

INTEGERS = [0, 1, 2, -1, 7, 127, 255, 2**31, -2**31 - 1, 2**53 + 1, -2**53 - 1, 2**63 - 1, -2**63, 1785200000, 1785200000123456789]
REALS = [0.0, -0.0, 0.1, 1.0, -1.5, 1e15, 1e16, 9007199254740993.0, 1e308, -1e308, 5e-324, 2.2250738585072014e-308,
         float('inf'), float('-inf'), 1 / 3, 123456789.123456789, 1e-7, 4.35, 9.223372036854776e18]
TEXTS = ['', ' ', 'a', 'true', 'false', 't', 'yes', 'NaN', 'null', 'NULL', '0', '1', '2', '007', '1.0', '1e5', '1e400', '-0', '-0.0', '+1',
         ' 1', '1 ', '9223372036854775807', '9223372036854775808', '12345678901234567890', '0x10', '1_000', '\\N', '\\.', '\\', "'", '"',
         'tab\there', 'cr\rlf\n', 'nul\x00tail', '\x00', '\x7f', '\ufeffBOM', '\uffff', '\U0010ffff', 'e\u0301', 'é', 'ÀÉ', 'àé', 'A', 'ß',
         '\u202ertl', '👩‍💻', '{name}', '$1', '%s', ';--', '2024-02-30', '2024-01-01 00:00:00', '12:30', '{}', '[]', '{1,2}', '(1)', '\\x41',
         'Infinity', '-Infinity', 'inf', '1.', '.5', '1.10', '100.00', '3.0', '1,5', 'a' * 300]
BAD_UTF8 = [b'\xff', b'\xed\xa0\x80', b'\xc0\xaf', b'\xf4\x90\x80\x80', b'a\x00\xff', b'\xe2\x82', b'ok\x80', b'\xed\xbf\xbf\x00', b'\xc3\xa9']
BLOBS = [b'', b'\x00', b'1', b'a', b'true', b'\xff\xfe', b'{"a":1}', bytes(range(256)), b'\\x41', b'\x00' * 40]
JSONS = ['{"a": 1,"a":2}', '{"b":\t[1, 2.50, 1e400, -0.0]}', '"\\u0000"', '"\\ud83d"', '"\\ud83d\\ude00"', 'NaN', '{"a":NaN}', '[Infinity]',
         '[' * 300 + ']' * 300, '[' * 6000 + ']' * 6000, '{"k":"' + 'v' * 3000 + '"}', 'true', 'null', '"text"', '"5"', ' {} ', '{"a":1}x',
         "{'a':1}", '[1,]', '{"é":"👩‍💻"}', '12', '1.5', '-0', '1E5', '01', '{"a":\n1}', '[1e5, 1E+5]', '"\x01"', '"tab\t"', '\u00a0{}']

ODD_NAMES = ['order', 'user', 'group', 'select', 'Mixed Case', 'a"quote', "it's", 'semi;colon', 'ünïcödé', '名前', '👩‍💻', '1st', '', ' ',
             'new\nline', 'tab\t', 'per%cent', '{brace}', '$1', 'back\\slash', 'dot.ted', 'ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid',
             'oid', 'rowid', '_rowid_', '_sync_key', '_sync_state', '_SYNC_x', 'pg_class', 'key', 'value', 'row_key', 'singleton',
             'x' * 63, 'x' * 64, 'x' * 100 + '1', 'x' * 100 + '2', 'é' * 32, 'é' * 31 + 'a', 'renamed_x', '_sync_load_1', '[b]', 'a`b']

TYPES = ['', 'INTEGER', 'INT', 'BIGINT', 'TINYINT(1)', 'UNSIGNED BIG INT', 'TEXT', 'VARCHAR', 'VARCHAR(5)', 'CHAR(1)', 'CLOB', 'BLOB', 'REAL',
         'DOUBLE PRECISION', 'FLOAT', 'NUMERIC', 'DECIMAL(10,2)', 'BOOLEAN', 'BOOL', 'DATE', 'DATETIME', 'TIMESTAMP', 'JSON', 'JSONB', 'UUID',
         'STRING', 'POINT', 'FLOATING POINT', 'XML', 'VARYING CHARACTER(255)', 'ANY', 'bytea', 'serial', '"a ""b"" type"', 'json', 'blobby']
STRICT_TYPES = ['INT', 'INTEGER', 'REAL', 'TEXT', 'BLOB', 'ANY']


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Hostile:
    """Seeded source of names, types and values."""

    def __init__(self, rng: random.Random) -> None:
        self.random = rng
        self.bad_text = True

    def name(self, taken: List[str]) -> str:
        """A new identifier; SQLite folds ASCII case, so does this."""
        folded = {name.lower() for name in taken}
        while True:
            name = self.random.choice(ODD_NAMES) if self.random.random() < 0.3 else 'c%d' % self.random.randrange(1000)
            if name.lower() not in folded:
                return name

    def text(self) -> Bound:
        roll = self.random.random()
        if roll < 0.12 and self.bad_text:
            return 'CAST(? AS TEXT)', self.random.choice(BAD_UTF8)
        if roll < 0.3:
            return '?', self.random.choice(JSONS)
        if roll < 0.34:
            return '?', self.random.choice('aé') * self.random.choice([500, 3000, 9000, 40000])
        return '?', self.random.choice(TEXTS)

    def value(self) -> Bound:
        """Anything."""
        kind = self.random.randrange(6)
        if kind == 0:
            return '?', None
        if kind == 1:
            return '?', self.random.choice(INTEGERS)
        if kind == 2:
            return '?', self.random.choice(REALS)
        if kind == 3:
            blob = self.random.choice(BLOBS)
            return '?', blob if self.random.random() < 0.95 else self.random.randbytes(self.random.choice([600, 9000, 70000]))
        return self.text()

    def sane(self, declared: str) -> Bound:
        """What an application would put there."""
        upper = declared.upper()
        if self.random.random() < 0.15:
            return '?', None
        if 'BOOL' in upper:
            return '?', self.random.randrange(2)
        if 'INT' in upper or 'SERIAL' in upper:
            return '?', self.random.randrange(10**6)
        if 'JSON' in upper:
            return '?', json.dumps(self.random.choice([{'a': [1, 2.5]}, [], {}, None, 'x', 5, 0.25, True, {'n': {'m': None}}]))
        if any(word in upper for word in ('REAL', 'FLOA', 'DOUB')):
            return '?', self.random.uniform(-1e6, 1e6)
        if any(word in upper for word in ('NUM', 'DEC')):
            return '?', self.random.choice([self.random.randrange(10**9), round(self.random.uniform(0, 1000), 2)])
        if any(word in upper for word in ('DATE', 'TIME')):
            return '?', self.random.choice(['2024-05-01 10:00:00', 1785200000, '2024-05-01'])
        if 'BLOB' in upper or 'BYTEA' in upper:
            return '?', self.random.randbytes(self.random.randrange(40))
        return '?', 'v%d' % self.random.randrange(10**6)

    def pick(self, declared: str, hostility: float) -> Bound:
        return self.value() if self.random.random() < hostility else self.sane(declared)
