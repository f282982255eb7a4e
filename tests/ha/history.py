"""
SQLite + Supabase Sync System - Leadership History

An append-only table that triggers fill inside the agents' own transactions: every grant of the lease and every write of data,
with its epoch. Ordered by the server's commit timestamps it is the oracle of law L3: no data commits under an epoch after a
higher one was granted, and no epoch has two holders.
"""

import subprocess
import sys
from pathlib import Path
from typing import List, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.private_postgres import PrivatePostgres  # noqa: E402
from support.product import Product  # noqa: E402

SETTINGS = {'track_commit_timestamp': 'on', 'max_connections': '100'}

MAKE = """
CREATE SCHEMA ha_oracle;
CREATE TABLE ha_oracle.history (id bigserial PRIMARY KEY, kind text, epoch bigint, leader text);
CREATE FUNCTION ha_oracle.grant() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NEW.epoch > OLD.epoch THEN
    INSERT INTO ha_oracle.history (kind, epoch, leader) VALUES ('grant', NEW.epoch, NEW.leader_id || ' ' || NEW.term_nonce);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ha_grant AFTER UPDATE ON sync_metadata.leader_election FOR EACH ROW EXECUTE FUNCTION ha_oracle.grant();
CREATE FUNCTION ha_oracle.data() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO ha_oracle.history (kind, epoch, leader) VALUES (TG_ARGV[0], NEW.epoch, '');
  RETURN NULL;
END $$;
CREATE TRIGGER ha_job AFTER INSERT ON sync_metadata.sync_jobs FOR EACH ROW EXECUTE FUNCTION ha_oracle.data('job');
"""


class Entry(NamedTuple):
    """One committed row; `at` is the commit's wall clock in seconds since 1970."""

    at: float
    kind: str  # grant, data, job
    epoch: int
    leader: str


class History:
    """Of one server; made after the schema and the clients."""

    def __init__(self, server: PrivatePostgres, schemas: List[str]) -> None:
        self.server = server
        server.superuser_psql(MAKE + ''.join(
            f'CREATE TRIGGER ha_data AFTER INSERT OR UPDATE ON {schema}._sync_state FOR EACH ROW '
            f"EXECUTE FUNCTION ha_oracle.data('data');\n" for schema in schemas))

    def entries(self, since: float = 0) -> List[Entry]:
        rows = self.server.superuser_psql(
            'SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::text, kind, epoch, leader FROM ha_oracle.history '
            f'WHERE pg_xact_commit_timestamp(xmin) > to_timestamp({since!r}) ORDER BY pg_xact_commit_timestamp(xmin), id')
        fields = [line.split('|') for line in rows.splitlines()]
        return [Entry(float(at), kind, int(epoch or 0), leader) for at, kind, epoch, leader in fields]

    def check(self) -> int:
        """Raises on a broken law; the number of grants."""
        highest, holders = 0, {}
        for entry in self.entries():
            if entry.kind == 'grant':
                if entry.epoch <= highest:
                    raise AssertionError(f'epoch {entry.epoch} granted after {highest}')
                if holders.setdefault(entry.epoch, entry.leader) != entry.leader:
                    raise AssertionError(f'epoch {entry.epoch} has two holders')
                highest = entry.epoch
            elif entry.kind == 'data' and entry.epoch != highest:
                raise AssertionError(f'data committed under epoch {entry.epoch} while {highest} was granted')
        return len(holders)


def make_product() -> Product:
    return Product(server=PrivatePostgres(settings=SETTINGS))
