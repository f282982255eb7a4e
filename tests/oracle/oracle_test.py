"""
SQLite + Supabase Sync System - Oracle Test

A judge that never says "different" proves nothing: copies made by hand, equal ones and ones with a single fault each.
"""

import sqlite3
import struct
import sys
import tempfile
import unittest
from pathlib import Path
from typing import List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from oracle.decode import (Value, decode_json, encode_key, integer, real, BLOB, NULL_VALUE, TEXT)  # noqa: E402
from oracle.oracle import Report, compare  # noqa: E402
from support.private_postgres import PrivatePostgres  # noqa: E402

COPY = """
CREATE SCHEMA client_t;
SET search_path = client_t;
CREATE TABLE _sync_tables (table_name text PRIMARY KEY, target_name text, key_kind text, key_columns text[], columns json,
  state text, reason text, next_column_id int, quarantined bigint);
CREATE TABLE _sync_quarantine (table_name text, row_key bytea, column_name text, piece int, storage_class text, value bytea);
CREATE TABLE item (id bigint PRIMARY KEY, flag boolean, ratio double precision, doc json, amount numeric, note text, raw bytea);
INSERT INTO item VALUES
  (1, true, '-0', '{"a": 1}', 12345678901234567890.0, E'a\\tb\\\\n', '\\x00ff'), (2, NULL, 'Infinity', '7', 3, '', NULL),
  (3, NULL, NULL, '1.0', NULL, NULL, '\\x');
CREATE TABLE odd (_sync_key bytea PRIMARY KEY, k text, v text);
INSERT INTO odd VALUES ('\\x0300000001' || convert_to('a', 'UTF8'), 'a', 'x'), ('\\x00', NULL, 'y'), ('\\x010000000000000001', NULL, 'z');
CREATE TABLE bag (_sync_key bytea PRIMARY KEY, v text);
INSERT INTO bag VALUES ('\\x01', 'same'), ('\\x02', 'same');
INSERT INTO _sync_quarantine VALUES
  ('item', '\\x010000000000000002', 'flag', 0, 'integer', '\\x0000000000000002'),
  ('item', '\\x010000000000000003', 'note', 0, 'text', '\\xff00'), ('item', '\\x010000000000000003', 'note', 1, 'text', '\\x61'),
  ('odd', '\\x010000000000000001', 'k', 0, 'integer', '\\x0000000000000001');
INSERT INTO _sync_tables VALUES
  ('item', 'item', 'plain', '{id}', '[{"name":"id","target":"id","type":"bigint"},{"name":"flag","target":"flag","type":"boolean"},
    {"name":"ratio","target":"ratio","type":"double precision"},{"name":"doc","target":"doc","type":"json"},
    {"name":"amount","target":"amount","type":"numeric"},{"name":"note","target":"note","type":"text"},
    {"name":"raw","target":"raw","type":"bytea"}]', 'present', NULL),
  ('odd', 'odd', 'encoded', '{k}', '[{"name":"k","target":"k","type":"text"},{"name":"v","target":"v","type":"text"}]', 'present', NULL),
  ('bag', 'bag', 'multiset', '{}', '[{"name":"v","target":"v","type":"text"}]', 'present', NULL),
  ('fts', 'fts', 'plain', '{}', '[]', 'skipped', 'virtual table (fts5)');
"""


def source(path: Path) -> None:
    database = sqlite3.connect(path)
    database.executescript("""
      CREATE TABLE item (id INTEGER PRIMARY KEY, flag, ratio, doc, amount, note, raw);
      CREATE TABLE odd (k PRIMARY KEY, v); CREATE TABLE bag (v); CREATE TABLE fts (a);
      INSERT INTO odd VALUES ('a', 'x'), (NULL, 'y'), (1, 'z'); INSERT INTO bag VALUES ('same'), ('same');""")
    database.execute('INSERT INTO item VALUES (1, 1, -0.0, ?, 1.2345678901234567e19, ?, ?)', ('{"a": 1}', 'a\tb\\n', b'\0\xff'))
    database.execute("INSERT INTO item VALUES (2, 2, 9e999, 7, 3, '', NULL)")
    database.execute("INSERT INTO item VALUES (3, NULL, NULL, 1.0, NULL, CAST(x'ff0061' AS TEXT), x'')")
    database.commit()
    database.close()


class Formats(unittest.TestCase):
    def test_json_numbers(self) -> None:
        self.assertEqual(decode_json(b'7'), integer(7))
        self.assertEqual(decode_json(b'-9223372036854775808'), integer(-2**63))
        self.assertEqual(decode_json(b'1e5'), real(100000.0))
        for text in (b'9223372036854775808', b'-0', b'007', b'+1', b'null', b'"7"', b' 7', b'1.', b'7\n'):
            self.assertEqual(decode_json(text), Value(TEXT, text))

    def test_keys(self) -> None:
        self.assertEqual(encode_key([integer(-1), Value(TEXT, b'a'), NULL_VALUE]), b'\x01' + b'\xff' * 8 + b'\x03\0\0\0\x01a\0')
        self.assertEqual(encode_key([real(1.0)]), b'\x02' + struct.pack('>d', 1.0))
        self.assertEqual(len(encode_key([Value(BLOB, b'x' * 507)])), 512)
        long = encode_key([Value(BLOB, b'x' * 508)])
        self.assertEqual((long[0], len(long)), (0xFF, 33))


class Judge(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / 'source.db'
        source(self.path)
        self.server = SERVER
        self.server.psql('DROP SCHEMA IF EXISTS client_t CASCADE;' + COPY)

    def tearDown(self) -> None:
        self.directory.cleanup()

    def judge(self) -> Report:
        return compare(str(self.path), self.server.admin_url(), 'client_t')

    def test_equal(self) -> None:
        report = self.judge()
        self.assertEqual(report.problems, [])
        self.assertEqual((report.tables, report.rows, report.quarantined), (3, 8, 3))
        self.assertEqual(report.skipped, {'fts': 'virtual table (fts5)'})

    def test_one_fault_each(self) -> None:
        faults: List[str] = [
            'DELETE FROM client_t.item WHERE id = 1', "INSERT INTO client_t.item (id) VALUES (4)",
            'UPDATE client_t.item SET flag = false WHERE id = 1', "UPDATE client_t.item SET ratio = '0' WHERE id = 1",
            """UPDATE client_t.item SET doc = '{"a":1}' WHERE id = 1""", "UPDATE client_t.item SET doc = '1' WHERE id = 3",
            "UPDATE client_t.item SET note = NULL WHERE id = 2", "UPDATE client_t.item SET raw = NULL WHERE id = 3",
            'UPDATE client_t.item SET flag = true WHERE id = 2', "DELETE FROM client_t._sync_quarantine WHERE piece = 1",
            "UPDATE client_t._sync_quarantine SET storage_class = 'blob' WHERE column_name = 'note'",
            "INSERT INTO client_t._sync_quarantine VALUES ('item', '\\x010000000000000009', 'note', 0, 'text', 'x')",
            "DELETE FROM client_t.bag WHERE _sync_key = '\\x02'", "INSERT INTO client_t.bag VALUES ('\\x03', 'same')",
            "UPDATE client_t.odd SET _sync_key = '\\x0300000001' || convert_to('b', 'UTF8') WHERE k = 'a'",
            "UPDATE client_t._sync_tables SET state = 'vanished' WHERE table_name = 'bag'",
            "DELETE FROM client_t._sync_tables WHERE table_name = 'bag'",
        ]
        for fault in faults:
            with self.subTest(fault):
                self.server.psql('DROP SCHEMA IF EXISTS client_t CASCADE;' + COPY + fault)
                self.assertNotEqual(self.judge().problems, [])

    def test_a_new_column_of_the_source(self) -> None:
        database = sqlite3.connect(self.path)
        database.execute('ALTER TABLE bag ADD COLUMN w')
        database.close()
        self.assertIn("bag: columns differ: ['w']", self.judge().problems)


if __name__ == '__main__':
    with PrivatePostgres() as SERVER:
        outcome = unittest.main(exit=False)
    sys.exit(0 if outcome.result.wasSuccessful() else 1)
