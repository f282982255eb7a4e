"""
SQLite + Supabase Sync System - Deploying To Supabase

A Supabase of one's own inside a network namespace: the direct host over IPv6 only, the pooler over IPv4, a PgBouncer with users named
ROLE.PROJECT_REF and its "Tenant or user not found" before it, both with TLS, a cloud's metadata service. The names are those that
deploy makes up.
"""

import http.server
import json
import os
import select
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Optional, Tuple
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deploy.hosts import Host  # noqa: E402
from ha.pooler import Pooler  # noqa: E402
from support.private_postgres import PostgresError, PrivatePostgres, run_psql  # noqa: E402

INSIDE = 'SYNC_NODE_TEST_NAMESPACE'
REF, REGION = 'abcdefghijklmnopqrst', 'aws-0-eu-west-1'
# Not ::1: names of that one are found under 127.0.0.1 too.
DIRECT_ADDRESS = 'fd00:5::1'
# Nor 127.0.0.1: who has an IPv6 address and no other IPv4 address finds no IPv4 address of a name.
POOLER_ADDRESS = '192.0.2.5'
DIRECT, POOLER = f'db.{REF}.supabase.co', f'{REGION}.pooler.supabase.com'
PASSWORD = "pass word/'\"@:%ü"
SSL_REQUEST, GSS_REQUEST = 80877103, 80877104


class Front:
    """Stands in front of a server or a PgBouncer at an address of its own; with a project, as Supabase's pooler does: it knows the
    project by the user's name and passes the role on."""

    def __init__(self, address: str, server_port: int, tls: ssl.SSLContext, project: Optional[str] = None) -> None:
        self.server_port, self.project = server_port, project
        self.tls: Optional[ssl.SSLContext] = tls  # None: it has none
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, 5432))
        self.listener.listen()
        self.users: list = []
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        try:
            client = self.greet(client)
            words = self.startup(client)
            if words is not None:
                with socket.create_connection(('127.0.0.1', self.server_port)) as server:
                    packet = struct.pack('!i', 196608) + b''.join(key + b'\0' + value + b'\0' for key, value in words.items()) + b'\0'
                    server.sendall(struct.pack('!i', len(packet) + 4) + packet)
                    self.pump(client, server)
        except (OSError, EOFError, struct.error):
            pass
        client.close()

    @staticmethod
    def exactly(client: socket.socket, length: int) -> bytes:
        taken = b''
        while len(taken) < length:
            piece = client.recv(length - len(taken))
            if not piece:
                raise EOFError
            taken += piece
        return taken

    def greet(self, client: socket.socket) -> socket.socket:
        """TLS, where it is asked for and there is any. What comes then is not read yet."""
        while struct.unpack('!i', client.recv(8, socket.MSG_PEEK | socket.MSG_WAITALL)[4:])[0] in (SSL_REQUEST, GSS_REQUEST):
            code = struct.unpack('!ii', self.exactly(client, 8))[1]
            if code == SSL_REQUEST and self.tls is not None:
                client.sendall(b'S')
                return self.tls.wrap_socket(client, server_side=True)
            client.sendall(b'N')
        return client

    def startup(self, client: socket.socket) -> 'dict | None':
        length, _ = struct.unpack('!ii', self.exactly(client, 8))
        fields = self.exactly(client, length - 8).split(b'\0')
        words = dict(zip(fields[:-2:2], fields[1:-2:2]))
        self.users.append(words[b'user'].decode())
        if self.project is None:
            return words
        role, _, project = self.users[-1].rpartition('.')
        if project == self.project:
            words[b'user'] = role.encode()
            return words
        body = b'SFATAL\0VFATAL\0CXX000\0MTenant or user not found\0\0'
        client.sendall(b'E' + struct.pack('!i', len(body) + 4) + body)
        return None

    @staticmethod
    def pump(client: socket.socket, server: socket.socket) -> None:
        """One thread for both directions: two must not use one TLS connection."""
        while True:
            decrypted = isinstance(client, ssl.SSLSocket) and client.pending() > 0
            ready = [client] if decrypted else select.select([client, server], [], [])[0]
            for source in ready:
                piece = source.recv(65536)
                if not piece:
                    return
                (server if source is client else client).sendall(piece)


class Metadata(http.server.BaseHTTPRequestHandler):
    """As DigitalOcean's."""

    known = {'address': '2a03:b0c0:3:d0::1a2b:1', 'cidr': '64', 'gateway': '2a03:b0c0:3:d0::1'}

    def do_GET(self) -> None:
        answer = self.known.get(self.path.rsplit('/', 1)[-1])
        self.send_response(200 if answer else 404)
        self.end_headers()
        self.wfile.write((answer or '').encode())

    def log_message(self, *_: object) -> None:
        pass


class Supabase(unittest.TestCase):
    """Tests run in the order of their names: first the direct host answers, then only the pooler does."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = PrivatePostgres()
        cls.addClassCleanup(cls.server.stop)
        # Supabase's `postgres` is no superuser: ours gets another name first.
        quoted = PASSWORD.replace("'", "''")
        cls.server.superuser_psql('CREATE ROLE boss SUPERUSER LOGIN')
        cls.server.user, renamed = 'boss', cls.server.user
        cls.server.superuser_psql(f'ALTER ROLE {renamed} RENAME TO initial; CREATE ROLE postgres LOGIN CREATEROLE PASSWORD \'{quoted}\'; '
                                  'ALTER DATABASE postgres OWNER TO postgres')
        cls.certificate = cls.make_certificate()
        cls.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cls.tls.load_cert_chain(cls.certificate, cls.certificate.with_name('key'))
        cls.direct = Front(DIRECT_ADDRESS, cls.server.port, cls.tls)
        cls.bouncer = Pooler('session', cls.server)
        cls.addClassCleanup(cls.bouncer.stop)
        cls.pooler = Front(POOLER_ADDRESS, cls.bouncer.port, cls.tls, REF)
        cls.host = Host(cls.server)
        cls.addClassCleanup(cls.host.close)
        cls.password = cls.host.secret('password', PASSWORD)

    @classmethod
    def make_certificate(cls) -> Path:
        """For both names; its key lies beside it."""
        folder = Path(tempfile.mkdtemp(prefix='sync-node-tls.'))
        cls.addClassCleanup(shutil.rmtree, folder)
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=supabase',
                        '-addext', f'subjectAltName=DNS:{DIRECT},DNS:{POOLER}', '-keyout', str(folder / 'key'), '-out', str(folder / 'certificate')],
                       check=True, capture_output=True)
        return folder / 'certificate'

    def words(self, ref: str = REF) -> Tuple[str, ...]:
        return ('--project-ref', ref, '--region', REGION, '--host-name', 'host-1', '--admin-password-file', self.password, '--yes', '--no-start')

    def test_1_the_direct_host_is_preferred(self) -> None:
        said = self.host.deploy(*self.words())
        self.assertNotIn('warning', said)
        self.assertIn(f'postgresql://postgres:***@{DIRECT}:5432/postgres', said)
        credentials = self.host.credentials()
        self.assertEqual((credentials['SUPABASE_PROJECT_REF'], credentials['SUPABASE_REGION']), (REF, REGION))
        self.assertRegex(credentials['ADMIN_URL'], f'^postgresql://postgres:pass%20word%2F%27%22%40%3A%25%C3%BC@{DIRECT}:5432/postgres\\?sslmode=require$')
        self.assertRegex(credentials['SYNC_URL'], f'^postgresql://sync_service:[0-9a-f]{{48}}@{DIRECT}:5432/postgres\\?sslmode=require$')
        self.assertEqual(self.pooler.users, [])
        self.assertEqual(self.host.as_agent('SELECT session_user'), 'sync_service')

    def test_2_who_refuses_is_not_passed_over(self) -> None:
        before = self.host.tree()
        wrong = self.host.secret('wrong', 'another')
        said = self.host.deploy('--admin-password-file', wrong, '--yes', '--no-start', expect=1)
        self.assertIn('password authentication failed', said)
        self.assertEqual((self.host.tree(), self.pooler.users), (before, []))

    def test_3_the_way_stays_while_it_works(self) -> None:
        before = self.host.tree()
        for words in (self.words(), ('--yes', '--no-start')):
            self.assertIn('nothing is to be done', self.host.deploy(*words))
        self.assertEqual(self.host.tree(), before)

    def test_4_the_pooler_is_the_way_where_the_direct_host_cannot_be_reached(self) -> None:
        self.direct.close()
        said = self.host.deploy(*self.words())
        self.assertIn(f'not reached: {DIRECT}', said)
        self.assertIn('the pooler is used (IPv4)', said)
        self.assertIn('this host has no global IPv6 address', said)
        credentials = self.host.credentials()
        self.assertRegex(credentials['ADMIN_URL'], f'^postgresql://postgres.{REF}:[^@]*@{POOLER}:5432/postgres\\?sslmode=require$')
        self.assertRegex(credentials['SYNC_URL'], f'^postgresql://sync_service.{REF}:[0-9a-f]{{48}}@{POOLER}:5432/postgres\\?sslmode=require$')
        self.assertEqual(self.host.url(), credentials['SYNC_URL'])
        self.assertEqual(self.host.as_agent('SELECT session_user'), 'sync_service')
        self.assertIn('login attempt: db=postgres user=sync_service', (self.bouncer.directory / 'log').read_text())
        document = json.loads(self.host.deploy('--yes', '--no-start', '--json'))
        self.assertEqual((document['connection'], document['steps']), ('pooler', []))

    def test_5_tenant_or_user_not_found_is_explained_with_the_right_user(self) -> None:
        other = Host(self.server)
        self.addCleanup(other.close)
        url = other.secret('url', f'postgresql://postgres:secret-word@{POOLER}:5432/postgres')
        said = other.deploy('--admin-url-file', url, '--project-ref', REF, '--host-name', 'host-2', '--yes', expect=1)
        self.assertIn('Tenant or user not found', said)
        self.assertIn(f"'postgres.{REF}' instead of 'postgres', so postgresql://postgres.{REF}:***@{POOLER}:5432/postgres", said)
        self.assertNotIn('secret-word', said)
        words = ('--host-name', 'host-2', '--admin-password-file', self.password, '--yes')
        said = other.deploy('--project-ref', 'wrong', '--region', REGION, *words, expect=1)
        self.assertIn("does not know 'postgres.wrong'", said)
        said = other.deploy('--project-ref', REF, '--region', 'nowhere', *words, expect=1)
        self.assertIn('the database cannot be reached', said)
        self.assertFalse(other.etc.exists())

    def test_6_the_clouds_metadata_is_asked_only_by_who_wants_it(self) -> None:
        subprocess.run(['ip', 'address', 'add', '169.254.169.254/32', 'dev', 'lo'], check=True)
        self.assertIn('no metadata service answers', self.host.deploy('--yes', '--no-start', '--cloud-metadata'))
        service = http.server.ThreadingHTTPServer(('169.254.169.254', 80), Metadata)
        self.addCleanup(service.shutdown)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        advice = 'DigitalOcean has IPv6 2a03:b0c0:3:d0::1a2b:1/64 for this machine, gateway 2a03:b0c0:3:d0::1'
        self.assertNotIn(advice, self.host.deploy('--yes', '--no-start'))
        self.assertIn(advice, self.host.deploy('--yes', '--no-start', '--cloud-metadata'))

    def test_7_a_prepared_host_takes_the_way_that_it_has(self) -> None:
        host = Host(self.server)
        self.addCleanup(host.close)
        file = host.directory / 'host-3'
        host.ctl('deploy', 'prepare', '--host', 'host-3', '--out', str(file), '--project-ref', REF, '--region', REGION, '--admin-password-file',
                 self.password, '--yes')
        self.assertIn(DIRECT, file.read_text())
        host.deploy('--enroll', str(file), '--yes', '--no-start')
        self.assertRegex(host.url(), f'^postgresql://sync_service_host_3.{REF}:[0-9a-f]{{48}}@{POOLER}:5432/postgres\\?sslmode=require$')
        before, direct = host.tree(), Front(DIRECT_ADDRESS, self.server.port, self.tls)
        host.deploy('--enroll', str(file), '--yes', '--no-start')
        direct.close()
        self.assertEqual(host.tree(), before, 'a way that works is kept')
        self.assertEqual(run_psql(host.url(), 'SELECT session_user'), 'sync_service_host_3')

    def test_7b_sessions_end_behind_the_pooler_too(self) -> None:
        intruder, old = self.host.intruder(), self.host.url()
        self.addCleanup(intruder.close)
        self.assertIn(POOLER, old)
        self.host.deploy('--rotate-password', '--yes', '--no-start')
        self.assertFalse(intruder.is_in())
        with self.assertRaises(PostgresError):
            run_psql(old, 'SELECT 1')
        self.assertIn('nothing is to be done', self.host.deploy('--yes', '--no-start'))

    def test_8_who_has_no_tls_is_told_nothing(self) -> None:
        other = Host(self.server)
        self.addCleanup(other.close)
        users, tls = list(self.pooler.users), self.pooler.tls
        bare = other.secret('url', f'postgresql://postgres.{REF}:{quote(PASSWORD, safe="")}@{POOLER}:5432/postgres')
        self.pooler.tls = None
        try:
            for words in (('--project-ref', REF, '--region', REGION, '--admin-password-file', self.password), ('--admin-url-file', bare)):
                said = other.deploy(*words, '--host-name', 'host-4', '--yes', '--no-start', expect=1)
                self.assertIn('server does not support SSL', said)
        finally:
            self.pooler.tls = tls
        self.assertEqual((self.pooler.users, other.etc.exists()), (users, False))
        # Files that say nothing of TLS, as they were written by hand, are mended.
        for file in (self.host.etc / 'admin/.credentials', self.host.etc / '.env'):
            self.assertIn('?sslmode=require', file.read_text())
            file.write_text(file.read_text().replace('?sslmode=require', ''))
        self.host.deploy('--yes', '--no-start')
        for url in (self.host.url(), self.host.credentials()['ADMIN_URL']):
            self.assertTrue(url.endswith('?sslmode=require'), 'the demand is back')

    def test_9_a_stricter_demand_holds_for_the_other_way_too(self) -> None:
        host, direct = Host(self.server), Front(DIRECT_ADDRESS, self.server.port, self.tls)
        self.addCleanup(host.close)
        demand = f'?sslmode=verify-full&sslrootcert={quote(str(self.certificate), safe="")}'
        url = host.secret('url', f'postgresql://postgres:{quote(PASSWORD, safe="")}@{DIRECT}:5432/postgres{demand}')
        host.deploy('--admin-url-file', url, '--region', REGION, '--host-name', 'host-5', '--yes', '--no-start')
        self.assertIn(DIRECT, host.url())
        direct.close()
        host.deploy('--yes', '--no-start')
        self.assertIn(POOLER, host.url())
        for url in (host.url(), host.credentials()['ADMIN_URL']):
            self.assertTrue(url.endswith(demand), 'dropped')
        self.assertEqual(host.as_agent('SELECT session_user'), 'sync_service_host_5')


def enter() -> None:
    """Again, in a network and with host names of our own."""
    with tempfile.NamedTemporaryFile('w', prefix='sync-node-names.', delete=False) as names:
        names.write(f'127.0.0.1 localhost\n{POOLER_ADDRESS} {POOLER}\n{DIRECT_ADDRESS} {DIRECT}\n')
    os.chmod(names.name, 0o644)
    script = ('mount --bind "$1" /etc/hosts && ip link set lo up && ip -6 address add "$2/128" dev lo nodad && ip address add "$3/32" dev lo '
              '&& shift 3 && exec "$@"')
    done = subprocess.run(['unshare', '--net', '--mount', 'bash', '-c', script, 'bash', names.name, DIRECT_ADDRESS, POOLER_ADDRESS,
                           sys.executable, '-B', *sys.argv], env={**os.environ, INSIDE: '1'})
    os.unlink(names.name)
    sys.exit(done.returncode)


if __name__ == '__main__':
    if INSIDE not in os.environ:
        enter()
    unittest.main(verbosity=2)
