"""
SQLite + Supabase Sync System - Oracle: Decoding

The documented formats (docs/FORMATS.md), written a second time in another language: how a value of the copy decodes to a
SQLite storage class and bytes, and how a row's key is encoded. Shares no code with the product.
"""

import hashlib
import re
import struct
from typing import List, NamedTuple, Optional

NULL, INTEGER, REAL, TEXT, BLOB = range(5)
CLASS_NAMES = ['null', 'integer', 'real', 'text', 'blob']
CANONICAL_INTEGER = re.compile(rb'-?(0|[1-9][0-9]*)\Z')
JSON_NUMBER = re.compile(rb'-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z')
LONGEST_KEY = 512


class Value(NamedTuple):
    """A storage class and its bytes: integers and reals as 8 bytes big-endian, text and blobs as they are stored."""

    cls: int
    data: bytes

    def __repr__(self) -> str:
        if self.cls == NULL:
            return 'NULL'
        if self.cls == INTEGER:
            return str(struct.unpack('>q', self.data)[0])
        if self.cls == REAL:
            return repr(struct.unpack('>d', self.data)[0])
        shown = self.data[:60] + (b'...' if len(self.data) > 60 else b'')
        return f'{CLASS_NAMES[self.cls]} {shown!r} ({len(self.data)} bytes)'


NULL_VALUE = Value(NULL, b'')


def integer(number: int) -> Value:
    return Value(INTEGER, struct.pack('>q', number))


def real(number: float) -> Value:
    return Value(REAL, struct.pack('>d', number))


def fits(number: int) -> bool:
    return -2**63 <= number < 2**63


def expression(column: str, target: str) -> str:
    """SQL that gives the column without loss and without escapes: hexadecimal, or plain ASCII."""
    name = '"' + column.replace('"', '""') + '"'
    if target in ('text', 'json'):
        return f"encode(convert_to({name}::text, 'UTF8'), 'hex')"
    if target == 'bytea':
        return f"encode({name}, 'hex')"
    if target == 'double precision':
        return f"encode(float8send({name}), 'hex')"
    return f'{name}::text'


def decode(field: str, target: str) -> Value:
    """One field of COPY TO STDOUT, as `expression` asked for it."""
    if field == '\\N':
        return NULL_VALUE
    if target == 'boolean':
        return integer({'false': 0, 'true': 1}[field])
    if target == 'bigint':
        return integer(int(field))
    if target == 'double precision':
        return Value(REAL, bytes.fromhex(field))
    if target == 'text':
        return Value(TEXT, bytes.fromhex(field))
    if target == 'bytea':
        return Value(BLOB, bytes.fromhex(field))
    if target == 'json':
        return decode_json(bytes.fromhex(field))
    if target == 'numeric':
        whole = re.fullmatch(r'-?[0-9]+', field)
        return integer(int(field)) if whole and fits(int(field)) else real(float(field))
    raise ValueError(f'unknown target type {target!r}')


def decode_json(text: bytes) -> Value:
    """Canonical integers are INTEGER, numbers with a point or an exponent REAL, all else the exact text."""
    if CANONICAL_INTEGER.match(text) and text != b'-0' and fits(int(text)):
        return integer(int(text))
    if JSON_NUMBER.match(text) and any(mark in text for mark in b'.eE'):
        return real(float(text))
    return Value(TEXT, text)


def encode_key(values: List[Value]) -> bytes:
    """The canonical encoding of a row's key; long ones are a marked SHA-256."""
    parts = []
    for value in values:
        parts.append(bytes([value.cls]))
        if value.cls in (TEXT, BLOB):
            parts.append(struct.pack('>I', len(value.data)))
        parts.append(value.data)
    encoding = b''.join(parts)
    return encoding if len(encoding) <= LONGEST_KEY else b'\xff' + hashlib.sha256(encoding).digest()


def row_digest(values: List[Value]) -> bytes:
    """Of a whole row; equal digests mean equal classes and bytes in every column."""
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        digest.update(struct.pack('>BQ', value.cls, len(value.data)))
        digest.update(value.data)
    return digest.digest()


def stored(cls: Optional[str], raw: object) -> Value:
    """A value as Python's sqlite3 returns it with text_factory=bytes, beside its typeof()."""
    if cls == 'null':
        return NULL_VALUE
    if cls == 'integer':
        return integer(int(raw))  # type: ignore[call-overload]
    if cls == 'real':
        return real(float(raw))  # type: ignore[arg-type]
    return Value(TEXT if cls == 'text' else BLOB, bytes(raw))  # type: ignore[call-overload]
