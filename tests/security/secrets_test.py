"""
SQLite + Supabase Sync System - Where Secrets Are

A host is deployed, works, fails and gets a new password, with everything it says recorded: every program started and its
environment, every process, log, message on the bus, answer over HTTP, the server's own log. Secrets are in their files and nowhere else.
"""

import base64
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Dict, List, Set
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deploy.hosts import Host  # noqa: E402
from support.nodes import TOKEN, Node, PrivateBus, until  # noqa: E402
from support.private_postgres import PrivatePostgres, die_with_parent  # noqa: E402
from support.product import BINARIES  # noqa: E402

ROW = 'what-nobody-but-the-user-may-read'
WRONG = 'a-password-that-is-wrong'
OPEN = {'GET /', 'GET /health', 'GET /metrics', 'GET /api/v1/cluster/status'}
VALUES = {'{key}': 'x', '{id}': '01234567-89ab-cdef-0123-456789abcdef', '{name}': 'acme', '{client}': 'acme'}


def forms(secret: str) -> List[bytes]:
    """As it may be written somewhere."""
    return [secret.encode(), quote(secret, safe='').encode(), base64.b64encode(secret.encode()).rstrip(b'=')]


class Secrets(unittest.TestCase):
    """Tests run in the order of their names on one host; the last one looks at what all of them recorded."""

    recorded: Dict[str, bytes] = {}

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = PrivatePostgres(settings={'log_statement': 'all', 'log_min_duration_statement': '0', 'log_error_verbosity': 'verbose'})
        cls.addClassCleanup(cls.server.stop)
        cls.before = cls.server.log.stat().st_size  # what the tests say to make the admin
        cls.bus = PrivateBus()
        cls.addClassCleanup(cls.bus.stop)
        cls.host = Host(cls.server, cls.bus)
        cls.addClassCleanup(cls.host.close)
        cls.said = cls.host.directory / 'bus-messages'
        with open(cls.said, 'wb') as said:
            cls.monitor = subprocess.Popen(['busctl', f'--address={cls.bus.address}', '--json=short', 'monitor'], stdout=said, stderr=subprocess.PIPE,
                                           preexec_fn=die_with_parent)
        assert cls.monitor.stderr is not None and b'Monitoring' in cls.monitor.stderr.readline()
        cls.addClassCleanup(cls.monitor.wait)
        cls.addClassCleanup(cls.monitor.kill)
        cls.secrets: Dict[str, str] = {'the admin\'s password': cls.server.admin_password, 'the token': TOKEN}

    def record(self, what: str, text: 'bytes | str') -> None:
        raw = text if isinstance(text, bytes) else text.encode()
        self.recorded[what] = self.recorded.get(what, b'') + raw

    def ctl(self, *words: str, code: int = 0) -> str:
        """A command with every program it starts, its arguments and its whole environment."""
        trace = self.host.directory / 'trace'
        command = [str(BINARIES / 'sync-nodectl'), *words]
        if words[0] == 'deploy' and words[1] != 'prepare':
            command = self.host.words(*words[1:])
        ran = self.host.run(['strace', '-f', '-v', '-s', '65536', '-qq', '-e', 'trace=execve', '-o', str(trace), *command])
        self.assertEqual(ran.code, code, ran.output)
        self.record('programs started', trace.read_bytes())
        self.record('said by commands', ran.output)
        return ran.output

    def settings(self) -> List[str]:
        return ['--env-file', str(self.host.etc / '.env')]

    def nodes(self) -> List[Node]:
        return list(self.host.systemd.nodes.values())

    def look_at_processes(self) -> None:
        for node in self.nodes():
            for name in ('cmdline', 'environ'):
                self.record(f'{name} of nodes', Path(f'/proc/{node.pid}/{name}').read_bytes())

    # --- what happens on a host ------------------------------------------------------------------------
    def test_1_a_deploy(self) -> None:
        environment = self.host.node

        def node(letter: str) -> Node:
            made = environment(letter)
            made.settings.update(LOG_LEVEL='DEBUG', LOG_FORMAT='json' if letter == 'a' else 'text')
            return made

        self.host.node = node  # type: ignore[method-assign]
        self.ctl('deploy', '--admin-url-file', self.host.admin, '--host-name', 'host-1', '--yes')
        self.secrets['the role\'s first password'] = self.host.credentials()['SYNC_SERVICE_PASSWORD']
        self.look_at_processes()
        wrong = self.host.secret('wrong', self.server.admin_url().replace(self.server.admin_password, WRONG))
        self.ctl('deploy', '--admin-url-file', wrong, '--host-name', 'host-1', '--yes', code=1)
        self.secrets['a wrong password'] = WRONG

    def test_2_a_client(self) -> None:
        folder = self.host.directory / 'client'
        folder.mkdir()
        path = folder / 'webui.db'
        with sqlite3.connect(path) as source:
            source.execute('CREATE TABLE chat (id TEXT PRIMARY KEY, title TEXT)')
            source.execute('INSERT INTO chat VALUES (?, ?)', ('1', ROW))
        source.close()
        self.ctl('client', 'register', 'acme', '--sqlite-path', str(path), '--interval', '1', '--admin-url-file', self.host.admin, '--cluster', 'host-1')
        for words in (['client', 'resume', 'acme'], ['sync', 'acme'], ['verify', 'acme']):
            self.ctl(*self.settings(), *words)
        self.assertEqual(self.host.as_agent('SELECT title FROM client_acme.chat'), ROW)
        for words in (['status'], ['leader'], ['jobs'], ['client', 'list'], ['client', 'show', 'acme'], ['conflicts', 'list'], ['held', 'list'],
                      ['check-config', '--node', 'a'], ['version']):
            self.ctl(*self.settings(), *words, *(['--json'] if words != ['leader'] else []))
        # Edited by somebody and changed by the application: a conflict, whose images are its readers' alone.
        self.server.superuser_psql("UPDATE client_acme.chat SET title = title || '!'")
        with sqlite3.connect(path) as source:
            source.execute("UPDATE chat SET title = title || '?'")
        source.close()
        self.ctl(*self.settings(), 'sync', 'acme')
        self.assertNotEqual(self.server.superuser_psql('SELECT count(*) FROM sync_metadata.conflict_log'), '0')

    def test_3_settings_that_are_wrong(self) -> None:
        password = self.host.credentials()['SYNC_SERVICE_PASSWORD']
        for line in (f'SUPABASE_URL=postgres:/{password}@nowhere', f'SUPABASE_URL=postgresql://sync_service:{password}@127.0.0.1:99999/sync',
                     f'SUPABASE_URL=postgresql://sync_service:{password}@127.0.0.1:1/sync\nPASSWORT={password}',
                     f'SUPABASE_URL=postgresql://sync_service:{password}%zz@127.0.0.1:5432/sync', f'{password}'):
            file = self.host.secret('wrong.env', f'{line}\nHOST_NAME=host-1')
            said = self.host.run([str(BINARIES / 'sync-nodectl'), '--env-file', file, 'check-config', '--node', 'a', '--json'])
            self.record('said by commands', said.output)
            self.record('said by commands', self.host.run([str(BINARIES / 'sync-nodectl'), '--env-file', file, 'client', 'list']).output)

    # --- what strangers are told -----------------------------------------------------------------------
    def test_4_every_door(self) -> None:
        for node in self.nodes():
            listed = node.http('GET', '/', token=None).body['endpoints']
            self.assertGreater(len(listed), 15)
            self.assertLessEqual(OPEN, set(listed))
            for entry in listed:
                method, path = entry.split(' ', 1)
                for placeholder, value in VALUES.items():
                    path = path.replace(placeholder, value)
                self.assertNotIn('{', path, 'a value for it is missing here')
                if 'step-down' not in path:
                    self.record('answers to whoever has the token', json.dumps(node.http(method, path, {} if method != 'GET' else None).body))
                for token in (None, TOKEN[:-1], TOKEN + 'x', ''):
                    answer = node.http(method, path, {} if method != 'GET' else None, token=token)
                    self.record('answers to strangers', json.dumps([answer.body, answer.headers]))
                    self.assertEqual(answer.status in (200, 503), entry in OPEN, f'{entry}: {answer.status}')
                    self.assertIn(answer.status, (200, 503) if entry in OPEN else (401,), entry)

    def test_5_the_database_is_away(self) -> None:
        self.server.halt()
        for node in self.nodes():
            until('the node to notice', 60, lambda: not node.health()['database']['reachable'])
            for path in ('/health', '/metrics', '/api/v1/cluster/status'):
                self.record('answers to strangers', json.dumps(node.http('GET', path, token=None).body))
        self.server.resume()
        for node in self.nodes():
            until('the node to be back', 60, lambda: node.health()['database']['reachable'])

    def test_6_a_new_password(self) -> None:
        self.server.superuser_psql("ALTER ROLE sync_service PASSWORD 'changed by somebody'")
        # One that was logging in meanwhile came in with the old password, and is not listed before it has.
        end_all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'sync_service'"
        for node in self.nodes():
            until('the node to be refused', 60, lambda: self.server.superuser_psql(end_all) and 'password authentication failed' in node.text())
            self.record('answers to strangers', json.dumps(node.health()))
            self.record('logs of nodes', node.text())
        self.ctl('deploy', '--rotate-password', '--yes')
        self.secrets['the role\'s second password'] = self.host.credentials()['SYNC_SERVICE_PASSWORD']
        self.assertNotEqual(self.secrets['the role\'s second password'], self.secrets['the role\'s first password'])
        self.look_at_processes()
        file = self.host.directory / 'host-2.env'
        self.ctl('deploy', 'prepare', '--host', 'host-2', '--out', str(file), '--admin-url-file', self.host.admin, '--yes')
        found = re.search(r'sync_service_host_2:([^@]+)@', file.read_text())
        assert found is not None
        self.secrets['the password of a prepared host'] = found.group(1)

    # --- where all of it is ----------------------------------------------------------------------------
    def test_7_nothing_recorded_holds_a_secret(self) -> None:
        for node in self.nodes():
            self.record('logs of nodes', node.text())
        self.monitor.terminate()
        self.monitor.wait()
        self.record('messages on the bus', self.said.read_bytes())
        self.record('the server\'s log', self.server.log.read_bytes()[self.before:])
        witnesses = {'programs started': b'execve(', 'said by commands': b'host-1', 'cmdline of nodes': b'--node', 'environ of nodes': b'STATE_DIRECTORY',
                     'answers to whoever has the token': b'acme', 'answers to strangers': b'unauthorized', 'logs of nodes': b'password authentication failed',
                     'messages on the bus': b'org.openwebui.SyncNode1', 'the server\'s log': b'SCRAM-SHA-256$'}
        self.assertEqual(set(witnesses), set(self.recorded))
        for channel, text in self.recorded.items():
            self.assertIn(witnesses[channel], text, f'nothing was recorded: {channel}')
            for what, secret in self.secrets.items():
                for form in forms(secret):
                    at = text.find(form)
                    self.assertEqual(at, -1, f'{what} is in: {channel}: … {text[max(at - 300, 0):at + 100]!r}')
            # The copy is written by statements, and who has the token may look; nobody else sees rows.
            if channel not in ('the server\'s log', 'answers to whoever has the token'):
                self.assertEqual(text.count(ROW.encode()), 0, f'a row of a client is in: {channel}')

    def test_8_files_with_secrets_are_their_owners(self) -> None:
        holding: Set[str] = set()
        given = {Path(self.host.admin), *(self.host.directory / name for name in ('wrong', 'wrong.env', 'api-token'))}  # the tests' own, 0600 too
        for path in self.host.directory.rglob('*'):
            if not path.is_file() or path.is_symlink():
                continue
            text = path.read_bytes()
            if any(form in text for secret in self.secrets.values() for form in forms(secret)):
                facts = path.stat()
                self.assertEqual(stat.S_IMODE(facts.st_mode) & 0o077, 0, path)
                if path not in given:
                    self.assertEqual(facts.st_uid, 0, path)
                    holding.add(str(path.relative_to(self.host.directory)))
        self.assertEqual(holding, {'root/etc/sync-node/admin/.credentials', 'root/etc/sync-node/.env', 'host-2.env'})
        self.assertEqual(stat.S_IMODE((self.host.etc / 'admin').stat().st_mode), 0o700)
        state = b''.join(path.read_bytes() for path in self.host.state.rglob('*') if path.is_file())
        self.assertGreater(len(state), 10000)


if __name__ == '__main__':
    if os.geteuid() != 0 or shutil.which('strace') is None:
        print('needs root and strace')
        sys.exit(2)
    unittest.main(verbosity=2)
