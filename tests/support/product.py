"""
SQLite + Supabase Sync System - The Product Under Test

One host as an operator sets it up: a PostgreSQL with the schema applied, a cluster with its login, a state directory, and the
commands run as an operator runs them. Programs come from SYNC_NODE_BIN.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from oracle.oracle import Report, compare  # noqa: E402
from support.private_postgres import PrivatePostgres, run_psql  # noqa: E402

BINARIES = Path(os.environ.get('SYNC_NODE_BIN', Path(__file__).resolve().parents[2] / 'build/bin'))
RUN_SECONDS = 300


class Ran(NamedTuple):
    """A finished command."""

    code: int
    output: str


class Product:
    """Owns a server (or borrows one), a cluster and a state directory; ends with stop() or a `with` block."""

    def __init__(self, cluster: str = 'test-host', server: Optional[PrivatePostgres] = None) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix='sync-node-test.'))
        os.chmod(self.directory, 0o755)
        self.owns_server = server is None
        self.server = server or PrivatePostgres()
        try:
            self.admin_file = self.directory / 'admin-url'
            self.admin_file.touch(mode=0o600)
            self.admin_file.write_text(self.server.admin_url() + '\n')
            self.must('sync-nodectl', 'schema', 'apply', '--admin-url-file', str(self.admin_file))
            self.cluster = self.server.create_cluster(cluster)
            self.state = self.directory / 'state'
            self.state.mkdir()
            self.hand_over(self.state)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> 'Product':
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self.owns_server:
            self.server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @staticmethod
    def hand_over(folder: Path) -> None:
        """Root commands drop to this user before they touch anything; the state directory must be theirs."""
        if os.geteuid() == 0:
            names = [entry.pw_name for entry in pwd.getpwall()]
            user = 'sync-node' if 'sync-node' in names else 'nobody'
            for path in [folder, *folder.rglob('*')]:
                shutil.chown(path, user)

    # --- running programs -----------------------------------------------------------------------------
    def environment(self, url: Optional[str] = None, state: Optional[Path] = None) -> Dict[str, str]:
        """What an operator exports; `url` replaces the cluster's (a proxy in between, another node). Never the bus of this host."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith('SYNC_NODE_')}
        if not hasattr(self, 'cluster'):
            return kept
        return {**kept, 'DATABASE_URL': url or self.cluster.url, 'CLUSTER_NAME': self.cluster.name, 'BUS_ADDRESS': 'none',
                'STATE_DIRECTORY': str(state or self.state)}

    def run(self, program: str, *arguments: str, env: Optional[Dict[str, str]] = None) -> Ran:
        done = subprocess.run([str(BINARIES / program), *arguments], env=env or self.environment(), capture_output=True,
                              text=True, errors='replace', timeout=RUN_SECONDS)
        return Ran(done.returncode, done.stdout + done.stderr)

    def must(self, program: str, *arguments: str) -> Ran:
        ran = self.run(program, *arguments)
        if ran.code != 0:
            raise RuntimeError(f'{program} {" ".join(arguments)}: exit {ran.code}\n{ran.output}')
        return ran

    def start(self, name: str, path: str, *arguments: str, env: Optional[Dict[str, str]] = None) -> 'subprocess.Popen[str]':
        """A sync in the background; the caller ends it by its pid."""
        return subprocess.Popen(self.sync_command(name, path, *arguments), env=env or self.environment(), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def sync_command(self, name: str, path: str, *arguments: str) -> List[str]:
        return [str(BINARIES / 'sync-client-to-supabase'), name, '--sqlite-path', path, *arguments]

    def register(self, name: str, path: str) -> None:
        self.must('sync-nodectl', 'client', 'register', name, '--sqlite-path', path, '--admin-url-file', str(self.admin_file))

    def sync(self, name: str, path: str, *arguments: str, env: Optional[Dict[str, str]] = None) -> Ran:
        return self.run('sync-client-to-supabase', name, '--sqlite-path', path, *arguments, env=env)

    def verify(self, name: str) -> Ran:
        return self.run('sync-nodectl', 'verify', name)

    # --- looking at the copy --------------------------------------------------------------------------
    def schema(self, name: str) -> str:
        return 'client_' + ''.join(c if c.isascii() and (c.isalnum() or c == '_') else '_' for c in name.lower())

    def oracle(self, name: str, path: str, except_tables: List[str] = []) -> Report:
        return compare(path, self.cluster.url, self.schema(name), tuple(except_tables))

    def psql(self, sql: str) -> str:
        return run_psql(self.cluster.url, sql)

    def conflicts(self) -> int:
        return int(self.server.superuser_psql('SELECT count(*) FROM sync_metadata.conflict_log'))

    def archived(self, name: str) -> int:
        return int(self.psql(f'SELECT count(*) FROM {self.schema(name)}._sync_archive'))

    def release_held(self) -> int:
        """Releases every open held change; how many there were."""
        return int(self.psql("SELECT count(sync_metadata.decide_held(held_id, 'released', 'test')) "
                             "FROM sync_metadata.held_changes WHERE status = 'waiting'") or 0)
