"""
SQLite + Supabase Sync System - The world of the SQL tests

A private PostgreSQL with the migrations applied, two hosts ("sides") with two clients each, something in every
table, and one psql session per role that tells SQLSTATEs.
"""

import copy
import json
import os
import re
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List

from support.private_postgres import PrivatePostgres, server_binaries

SOURCE = Path(__file__).resolve().parents[2]
ADMIN = 'admin'
LOGINS = {'host-a': 'sync_service', 'host-b': 'sync_service_hostb'}
TABLES = ('schema_migrations', 'cluster_logins', 'hosts', 'client_deployments', 'leader_election', 'sync_jobs',
          'sync_progress', 'conflict_log', 'cache_events', 'held_changes', 'retired_objects', 'state_values')
OWN_TABLES = ('_sync_state', '_sync_tables', '_sync_loads', '_sync_quarantine', '_sync_archive', '_sync_edits',
              '_sync_kept')


@dataclass
class Answer:
    """What psql said: rows in unaligned form, and the SQLSTATE of the first error."""

    state: str
    rows: List[str]
    text: str

    def one(self) -> str:
        """The only row of a statement that must have succeeded."""
        assert self.state == '00000', self.text
        assert len(self.rows) == 1, f'{len(self.rows)} rows instead of one: {self.text}'
        return self.rows[0]


class Pending(threading.Thread):
    """The answer to statements already sent; join() it with a timeout."""

    def __init__(self, output: object, mark: str) -> None:
        super().__init__(daemon=True)
        self.output, self.mark = output, mark
        self.state, self.rows, self.lines = '', [], []
        self.start()

    def run(self) -> None:
        """Reads up to the mark."""
        for line in self.output:
            line = line.rstrip('\n')
            if line == self.mark:
                self.state = self.state or '00000'
                return
            self.lines.append(line)
            failed = re.search(r'(?:ERROR|FATAL):  ([0-9A-Z]{5}): ', line)
            if failed:
                self.state = self.state or failed.group(1)
            elif not re.match(r'(psql:.*)?(NOTICE|WARNING|HINT|DETAIL|LOCATION|CONTEXT|LINE \d+|QUERY):|\s+\^', line):
                self.rows.append(line)

    def answer(self, seconds: float = 60) -> Answer:
        """Waits; a statement that hangs is a failure."""
        self.join(seconds)
        assert not self.is_alive(), f'no answer within {seconds} s'
        return Answer(self.state, self.rows, '\n'.join(self.lines))


class Session:
    """One psql on the unix socket (trusted there), used by one thread."""

    def __init__(self, server: PrivatePostgres, role: str, database: str) -> None:
        url = f'postgresql://{role}@/{database}?host={server.directory}&port={server.port}'
        self.turn = 0
        self.process = subprocess.Popen(
            [str(server_binaries() / 'psql'), '-X', '-q', '-A', '-t', '-v', 'VERBOSITY=verbose', '-d', url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, 'PGOPTIONS': '-c client_min_messages=error'})

    def send(self, sql: str) -> Pending:
        """Sends statements without waiting."""
        self.turn += 1
        mark = f'--end-of-{self.turn}--'
        self.process.stdin.write(f'{sql}\n;\n\\echo {mark}\n')
        self.process.stdin.flush()
        return Pending(self.process.stdout, mark)

    def run(self, sql: str) -> Answer:
        """Sends statements and waits for the answer."""
        return self.send(sql).answer()

    def close(self) -> None:
        """Ends psql."""
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@dataclass
class Client:
    """A registered client."""

    name: str
    deployment: str
    schema: str


@dataclass
class Side:
    """One host: its cluster, login role, term, and one row of everything."""

    cluster: str
    login: str
    clients: List[Client] = field(default_factory=list)
    leader: str = 'openwebui-sync-node-a'
    nonce: str = ''
    host: str = ''
    job: str = ''
    open_conflict: str = ''
    resolved_conflict: str = ''
    held: str = ''

    def fence(self, **changed: object) -> str:
        """A call of fence() for the present term, with some arguments changed."""
        given = {'cluster': self.cluster, 'leader': self.leader, 'epoch': 1, 'nonce': self.nonce, **changed}
        return 'SELECT sync_metadata.fence({cluster}, {leader}, {epoch}, {nonce});'.format(
            **{key: literal(value) for key, value in given.items()})


def literal(value: object) -> str:
    """A value as SQL."""
    if value is None:
        return 'NULL'
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def ops(*operations: Dict[str, object]) -> str:
    """Operations of change_schema as an SQL literal."""
    return literal(json.dumps(operations)) + '::jsonb'


class World:
    """Everything above, in one database of its own server."""

    def __init__(self) -> None:
        self.server = PrivatePostgres(settings={'autovacuum': 'off', 'synchronous_commit': 'off'})
        self.database = self.server.database
        self.sessions: Dict[str, Session] = {}
        try:
            self.server.apply_migrations()
            self.must(ADMIN, 'CREATE ROLE sync_service_hostb LOGIN; CREATE ROLE bystander LOGIN;')
            self.sides = [self._side(cluster, login) for cluster, login in LOGINS.items()]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends sessions and server."""
        self.leave()
        self.server.stop()

    def leave(self) -> None:
        """Ends the sessions."""
        for session in self.sessions.values():
            session.close()
        self.sessions = {}

    def branch(self, number: int) -> 'World':
        """A copy of this database as it is now, on the same server; end it with leave()."""
        self.leave()
        twin = copy.deepcopy(self.sides)
        other = copy.copy(self)
        other.sides, other.sessions, other.database = twin, {}, f'branch{number}'
        with_template = Session(self.server, 'postgres', 'postgres')
        made = with_template.run(f'CREATE DATABASE {other.database} TEMPLATE {self.database} OWNER {ADMIN}')
        with_template.close()
        assert made.state == '00000', made.text
        return other

    def pairs(self) -> List[tuple]:
        """(me, other) in both directions."""
        return [(self.sides[0], self.sides[1]), (self.sides[1], self.sides[0])]

    def fresh(self, role: str) -> Session:
        """A session of its own; the caller closes it."""
        return Session(self.server, role, self.database)

    def hang_up(self, role: str) -> None:
        """Ends the role's standing session; the next statement opens another."""
        if role in self.sessions:
            self.sessions.pop(role).close()

    def run(self, role: str, sql: str) -> Answer:
        """Statements in the role's standing session, each committed."""
        if role not in self.sessions:
            self.sessions[role] = self.fresh(role)
        return self.sessions[role].run(sql)

    def must(self, role: str, sql: str) -> Answer:
        """The same; they have to succeed."""
        answer = self.run(role, sql)
        assert answer.state == '00000', f'{role}: {sql}\n{answer.text}'
        return answer

    def attempt(self, role: str, sql: str) -> Answer:
        """Statements in a transaction that is rolled back, whatever happens."""
        return self.run(role, f'BEGIN;\n{sql}\n;\nROLLBACK;')

    def expect(self, role: str, state: str, sql: str) -> Answer:
        """An attempt that ends with this SQLSTATE."""
        answer = self.attempt(role, sql)
        assert answer.state == state, f'{role}: {answer.state} instead of {state}: {sql}\n{answer.text}'
        return answer

    def value(self, sql: str) -> str:
        """One value, as the admin sees it."""
        return self.must(ADMIN, sql).one()

    def wait_until(self, sql: str, seconds: float = 30) -> None:
        """Asks the server until it says t. The deadline is for a broken server only."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.must('postgres', sql).one() == 't':
                return
        raise AssertionError(f'never true: {sql}')

    # --- setting up -----------------------------------------------------------------------------------
    def _side(self, cluster: str, login: str) -> Side:
        side = Side(cluster, login, nonce=str(uuid.uuid4()))
        self.must(ADMIN, f'SELECT sync_metadata.register_cluster({literal(cluster)}, {literal(login)})')
        for name in (f'{cluster}-one', f'{cluster}-two'):
            deployment = self.must(ADMIN, f"SELECT sync_metadata.register_client('{cluster}', '{name}', NULL, "
                                          f"'/srv/{name}/webui.db', NULL, NULL)").one()
            side.clients.append(Client(name, deployment, 'client_' + name.replace('-', '_')))
        side.host = self.must(login, f"INSERT INTO sync_metadata.hosts (hostname, cluster_name, last_heartbeat) "
                                     f"VALUES ('{cluster}-node-a', '{cluster}', now()) RETURNING host_id").one()
        self.must(login, f"""
            INSERT INTO sync_metadata.hosts (hostname, cluster_name) VALUES ('{cluster}-node-b', '{cluster}');
            UPDATE sync_metadata.leader_election
               SET leader_id = '{side.leader}', leader_host_id = '{side.host}', epoch = epoch + 1, term_nonce = '{side.nonce}',
                   acquired_at = clock_timestamp(), expires_at = clock_timestamp() + interval '50 min'
             WHERE cluster_name = '{cluster}' AND expires_at <= clock_timestamp();""")
        for client in side.clients:
            self._copy(side, client)
        self.must(login, "INSERT INTO sync_metadata.state_values (key, value, updated_by) VALUES ('k', '{\"a\": 1}', 'a person')")
        return side

    def _copy(self, side: Side, client: Client) -> None:
        """A published table with ten rows, one of them removed since, and a row in every table beside it."""
        load = {'op': 'create_load', 'table': '_sync_load_1',
                'columns': [{'name': 'id', 'type': 'bigint'}, {'name': 'title', 'type': 'text'}]}
        schema, deployment = client.schema, client.deployment
        first = client is side.clients[0]
        self.must(side.login, f"""
            SELECT sync_metadata.change_schema('{deployment}', 1, {ops(load)});
            INSERT INTO {schema}._sync_load_1 SELECT g, 'chat ' || g FROM generate_series(1, 10) g;
            INSERT INTO {schema}._sync_tables (table_name, target_name, state) VALUES ('chat', 'chat', 'present');
            SELECT sync_metadata.change_schema('{deployment}', 1, {ops(
                {'op': 'primary_key', 'table': '_sync_load_1', 'columns': ['id']},
                {'op': 'publish', 'from': '_sync_load_1', 'to': 'chat'})});
            INSERT INTO {schema}._sync_state (generation, epoch, sync_id) VALUES (1, 1, gen_random_uuid());
            INSERT INTO {schema}._sync_quarantine (table_name, row_key, column_name, piece, storage_class, value, reason)
            VALUES ('chat', '\\x01', 'title', 0, 'blob', '\\xff00', 'not text'),
                   ('chat', '\\x0a', 'title', 0, 'blob', '\\xaa', 'not text');
            INSERT INTO {schema}._sync_kept (table_name, row_key, reason) VALUES ('chat', '\\x02', 'rejected');
            INSERT INTO {schema}._sync_loads (load_table, table_name, load_id) VALUES ('_sync_load_9', 'x', gen_random_uuid());
            SELECT sync_metadata.remove_rows('{deployment}', 1, 1, 'chat', '{{id}}', '[["0a", 10]]');""")
        self.must(ADMIN, f"INSERT INTO {schema}._sync_edits (table_name, row_key, operation) VALUES ('chat', '\\x03', 'UPDATE')")
        self.must(side.login, f"INSERT INTO sync_metadata.cache_events (cache_key, action) VALUES ('k', 'invalidate')")
        job = self.must(side.login, f"INSERT INTO sync_metadata.sync_jobs (deployment_id, client_name) "
                                    f"VALUES ('{deployment}', 'anything') RETURNING job_id").one()
        self.must(side.login, f"INSERT INTO sync_metadata.sync_progress (job_id, table_name) VALUES ('{job}', 'chat')")
        held = self.must(side.login, f"INSERT INTO sync_metadata.held_changes (deployment_id, table_name, kind, rows_held, "
                                     f"rows_total, generation) VALUES ('{deployment}', 'chat', 'mass_delete', 9, 9, 1) "
                                     f"RETURNING held_id").one()
        conflict = ("INSERT INTO sync_metadata.conflict_log (deployment_id, client_name, table_name, record_id, "
                    "conflict_type, resolved_at, resolved_by) "
                    f"VALUES ('{deployment}', 'x', 'chat', '1', 'update_conflict', {{}}) RETURNING conflict_id")
        waiting = self.must(side.login, conflict.format('NULL, NULL')).one()
        resolved = self.must(side.login, conflict.format("now(), 'newest_wins'")).one()
        if first:
            side.job, side.held, side.open_conflict, side.resolved_conflict = job, held, waiting, resolved
