"""
SQLite + Supabase Sync System - A Shell On A Booted Host

What ./dev host shows: a throw-away Debian with the package installed, a PostgreSQL as the project, settings and one client with its
database; the nodes are the visitor's to start. Everything is gone when the shell ends.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from packages.operator_of_host import Operator, package  # noqa: E402
from support.booted_host import ENVIRONMENT, BootedHost  # noqa: E402
from support.host_root import dependencies  # noqa: E402

WELCOME = """
A Debian with sync-node installed, PostgreSQL as its project and the client 'acme', whose database is /srv/clients/acme/webui.db. Try

    systemctl enable --now sync-node@a sync-node@b
    systemctl status sync-node@a sync-node@b
    sync-nodectl status
    busctl introspect org.openwebui.SyncNode1 /org/openwebui/SyncNode1
    systemctl kill -s KILL sync-node@a
    runuser -u postgres -- psql sync

It reaches nothing outside. Leave with "exit"; everything is gone then.
"""


def main() -> int:
    deb = package('sync-node_*.deb')
    with BootedHost(dependencies(deb)) as host:
        host.must('apt-get', 'install', '-y', '-q', '--no-install-recommends', host.give(deb))
        operator = Operator(host)
        operator.make_project()
        operator.write_settings()
        operator.make_client()
        print(WELCOME, flush=True)
        return subprocess.call(host.command('bash', '-i' if sys.stdin.isatty() else '-s'), env=ENVIRONMENT)


if __name__ == '__main__':
    sys.exit(main())
