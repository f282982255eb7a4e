"""
SQLite + Supabase Sync System - The Operator Of A Booted Host

What a person does by hand on a host with the package installed: a project in PostgreSQL, the settings, a client with its live database.
The commands are the installed ones.
"""

import os
import secrets
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Callable, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.booted_host import BootedHost, Ran  # noqa: E402
from support.host_root import ADDRESS  # noqa: E402
from support.nodes import until  # noqa: E402
from support.openwebui_sample import open_as_app  # noqa: E402

PACKAGES = Path(os.environ['SYNC_NODE_PACKAGES'])
SAMPLE = str(Path(__file__).resolve().parents[1] / 'support/openwebui_sample.py')
NODES = ('sync-node@a', 'sync-node@b')
APPLICATION = 1500  # the uid that the application's container runs as
TIMES = 'LEASE_DURATION=15\nHEARTBEAT_INTERVAL=3\n'
# As in the unit, but shorter than anybody wants to wait for in a test.
DROP_IN = '[Service]\nWatchdogSec=4s\n'


def package(pattern: str) -> Path:
    """The one package of that name that was built; sources are none."""
    found = [path for path in PACKAGES.glob(pattern) if not path.name.endswith('.src.rpm')]
    if len(found) != 1:
        raise RuntimeError(f'{PACKAGES} holds {len(found)} files {pattern}')
    return found[0]


class Operator:
    """Acts on one host, whose project is in its own PostgreSQL or in that of another operator's host. One thread."""

    def __init__(self, host: BootedHost, cluster: str = 'booted-host', client: str = 'acme', address: str = ADDRESS,
                 project: Optional['Operator'] = None) -> None:
        self.host, self.cluster, self.address = host, cluster, address
        self.client, self.schema = client, f'client_{client}'
        self.project: Operator = project or self
        self.login = 'sync_service' + ('_second' if project else '')
        self.password = secrets.token_urlsafe(12)
        self.admin = project.admin if project else secrets.token_urlsafe(12)
        self.database = host.clients / client / 'webui.db'

    # --- asking ---------------------------------------------------------------------------------------
    def property(self, unit: str, name: str) -> str:
        return self.host.must('systemctl', 'show', '--value', '-p', name, unit)

    def running(self) -> str:
        """Units of ours that are active or about to be, and processes of ours; "" when there are none."""
        units = self.host.must('systemctl', 'list-units', '--no-legend', '--plain', '--state=active,activating,reloading', 'sync-node*')
        return units + self.host.run('pgrep', '-a', '-x', 'sync-node').output.strip()

    def leader(self) -> Optional[str]:
        """The unit whose own words say that it leads."""
        return next((unit for unit in NODES if self.property(unit, 'StatusText').startswith('leads ')), None)

    def wait_for_leader(self, other_than: str = '') -> str:
        return str(until('a node leads', 30, lambda: (lambda unit: unit if unit and unit != other_than else None)(self.leader())))

    def psql(self, sql: str, database: str = 'sync') -> str:
        return self.project.host.must('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', database, user='postgres', give=sql)

    def bus(self, member: str, *arguments: str, user: str = '', interface: str = 'Sync') -> Ran:
        return self.host.run('busctl', 'call', 'org.openwebui.SyncNode1', '/org/openwebui/SyncNode1', f'org.openwebui.SyncNode1.{interface}', member,
                             *arguments, user=user)

    # --- doing ----------------------------------------------------------------------------------------
    def make_database(self) -> None:
        """An empty one, whose admin is what `postgres` is on Supabase."""
        self.psql(f"CREATE ROLE admin LOGIN NOSUPERUSER CREATEROLE CREATEDB PASSWORD '{self.admin}'", 'postgres')
        self.psql('CREATE DATABASE sync OWNER admin', 'postgres')
        self.psql('ALTER SCHEMA public OWNER TO admin')
        self.write_admin_url()

    def make_project(self) -> None:
        """A database, the schema, this host's login."""
        self.make_database()
        self.host.must('sync-nodectl', 'schema', 'apply', '--admin-url-file', '/root/admin-url')
        self.psql(f"SET ROLE admin; ALTER ROLE {self.login} PASSWORD '{self.password}'")
        self.register_cluster()

    def join_project(self) -> None:
        """A further host of the project has a login of its own."""
        self.write_admin_url()
        self.psql(f"SET ROLE admin; CREATE ROLE {self.login} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{self.password}' "
                  "IN ROLE sync_agents")
        self.register_cluster()

    def register_cluster(self) -> None:
        self.psql(f"SET ROLE admin; SELECT sync_metadata.register_cluster('{self.cluster}', '{self.login}')")

    def write_admin_url(self) -> None:
        self.host.write('/root/admin-url', f'postgresql://admin:{self.admin}@{self.address}:5432/sync\n', 0o600)

    def url(self) -> str:
        return f'postgresql://{self.login}:{self.password}@{self.address}:5432/sync'

    def write_settings(self, more: str = '') -> None:
        self.host.write('/etc/sync-node/.env', f'SUPABASE_URL={self.url()}\nHOST_NAME={self.cluster}\n{TIMES}{more}', 0o600)
        drop_in = self.host.path('/etc/systemd/system/sync-node@.service.d')
        drop_in.mkdir(exist_ok=True)
        (drop_in / 'test.conf').write_text(DROP_IN)
        self.host.must('systemctl', 'daemon-reload')

    def make_client(self) -> None:
        """A live database that only its application may touch, as in a container's volume; synced every second."""
        folder = self.database.parent
        folder.mkdir(mode=0o700)
        subprocess.run([sys.executable, '-B', SAMPLE, 'build', str(self.database), '--chats', '20', '--messages', '200'], check=True)
        open_as_app(str(self.database), 'app').close()
        for path in [folder, *folder.iterdir()]:
            os.chown(path, APPLICATION, APPLICATION)
            path.chmod(0o700 if path == folder else 0o600)
        self.register('--sqlite-path', f'/srv/clients/{self.client}/webui.db')

    def register(self, *where: str) -> None:
        self.command('client', 'register', self.client, *where, '--interval', '1', '--admin-url-file', '/root/admin-url')
        self.command('client', 'resume', self.client)
        self.command('sync', self.client)

    def command(self, *words: str) -> str:
        return self.host.must('sync-nodectl', '--env-file', '/etc/sync-node/.env', *words)

    def as_application(self, act: Callable[[sqlite3.Connection], str]) -> str:
        """In a process of the application's own uid: root would leave root's files beside the database."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            done = 1
            try:
                os.setgroups([])
                os.setresgid(APPLICATION, APPLICATION, APPLICATION)
                os.setresuid(APPLICATION, APPLICATION, APPLICATION)
                connection = open_as_app(str(self.database), 'app')
                os.write(writer, act(connection).encode())
                connection.close()
                done = 0
            finally:
                os._exit(done)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            said = pipe.read()
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            raise RuntimeError('the application failed')
        return said

    def arrives(self, row: str) -> None:
        """A row written by the application is found in the copy, by itself."""
        sql = "INSERT INTO message (id, user_id, content, created_at, is_pinned) VALUES (?, 'u', ?, 1785200000000000000, 0)"
        self.as_application(lambda app: str(app.execute(sql, (row, f'row {row}')).rowcount))
        until(f'row {row} arrives', 30, lambda: self.content(row) == f'row {row}')

    def content(self, row: str) -> str:
        """Of a row of the copy; nothing before its first sync made the table."""
        table = f'{self.schema}.message'
        return self.psql(f"SELECT to_regclass('{table}') IS NOT NULL AS there \\gset\n\\if :there\n"
                         f"SELECT content FROM {table} WHERE id = '{row}';\n\\endif\n")

    def count(self, table: str) -> str:
        """Rows in the source."""
        return self.as_application(lambda app: str(app.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]))
