"""
SQLite + Supabase Sync System - A Real Container On A Booted Host

A Docker engine, a container whose application writes to a webui.db in a named volume, and the installed nodes beside it: Docker tells the
path, rows arrive, the container is stopped, removed and started anew, and nothing of ours is left in the volume. A Docker that was stopped stays so.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from packages.operator_of_host import NODES, Operator, package  # noqa: E402
from support.booted_host import BootedHost  # noqa: E402
from support.host_root import dependencies  # noqa: E402
from support.nodes import until  # noqa: E402

MOUNTS = '/run/sync-node-inspect/mounts.json'
CONTAINER, VOLUME = 'openwebui-acme', '/var/lib/docker/volumes/acme-data/_data'
# An image without a registry: a shell and SQLite from the host itself.
IMAGE = """set -eu
programs="/bin/sh /bin/sleep /usr/bin/sqlite3"
tar -ch $programs $(ldd $programs | grep -o '/[^ )]*[.]so[^ )]*' | sort -u) 2>/dev/null | docker import - application"""
RUN = ('docker', 'run', '--detach', '--network', 'none', '--name', CONTAINER, '--user', '1500', '--volume', 'acme-data:/app/backend/data',
       'application', '/bin/sleep', 'infinity')


class Application:
    """What runs inside the container."""

    def __init__(self, host: BootedHost) -> None:
        self.host = host

    def start(self) -> None:
        self.host.must(*RUN)

    def sql(self, text: str) -> str:
        return self.host.must('docker', 'exec', '--interactive', CONTAINER, '/usr/bin/sqlite3', '-batch', '/app/backend/data/webui.db', give=text)


def row_arrives(operator: Operator, application: Application, row: str) -> None:
    application.sql(f"INSERT INTO message (id, content) VALUES ('{row}', 'from the container')")
    until(f'row {row} arrives', 30, lambda: operator.content(row) == 'from the container')


def stopped_docker_stays_stopped(host: BootedHost) -> None:
    """docker.socket starts it for whoever asks; the timer, every second here, does not ask."""
    for kind, text in (('timer', '[Timer]\nOnBootSec=\nOnUnitActiveSec=\nOnActiveSec=1s\nOnUnitActiveSec=1s\nAccuracySec=10ms\n'),
                       ('service', '[Unit]\nStartLimitIntervalSec=0\n')):
        drop_in = host.path(f'/etc/systemd/system/sync-node-inspect.{kind}.d')
        drop_in.mkdir(parents=True)
        (drop_in / 'often.conf').write_text(text)

    def written() -> int:
        found = host.path(MOUNTS)
        return found.stat().st_mtime_ns if found.exists() else 0

    def triggered() -> str:
        return host.must('systemctl', 'show', 'sync-node-inspect.timer', '-p', 'LastTriggerUSecMonotonic', '--value')

    def state(unit: str) -> str:
        return host.run('systemctl', 'is-active', unit).output.strip()

    host.must('systemctl', 'daemon-reload')
    host.must('systemctl', 'start', 'sync-node-inspect.timer')
    until('what the containers have to be written down', 30, lambda: written() > 0)
    host.must('systemctl', 'stop', 'docker.service')
    for turn in ('first', 'second'):
        before = triggered()
        until(f'the {turn} turn of the timer without Docker', 30, lambda: triggered() != before)
    until('the last turn to end', 30, lambda: not host.must('systemctl', 'list-jobs', '--no-legend', 'sync-node-inspect.service'))
    assert (state('docker.socket'), state('docker.service')) == ('active', 'inactive'), 'the timer started a Docker that was stopped'
    before_start = written()
    host.must('systemctl', 'start', 'docker.service')
    until('the timer to ask Docker again', 30, lambda: written() > before_start)
    host.must('systemctl', 'stop', 'sync-node-inspect.timer')


def main() -> int:
    if os.geteuid() != 0:
        print('booting a host needs root')
        return 77
    deb = package('sync-node_*.deb')
    with BootedHost(dependencies(deb), docker=True) as host:
        operator, application = Operator(host), Application(host)
        host.must('apt-get', 'install', '-y', '-q', '--no-install-recommends', host.give(deb))
        host.must('sh', '-c', IMAGE)
        host.must('docker', 'volume', 'create', 'acme-data')
        os.chown(host.path(VOLUME), 1500, 1500)
        application.start()
        application.sql('PRAGMA journal_mode=WAL; CREATE TABLE message (id TEXT PRIMARY KEY, content TEXT);')
        operator.make_project()
        operator.write_settings()
        host.must('systemctl', 'start', *NODES)
        operator.wait_for_leader()
        operator.register('--container', CONTAINER)
        row_arrives(operator, application, 'one')
        host.must('docker', 'rm', '--force', CONTAINER)
        application.start()
        row_arrives(operator, application, 'after-the-container')
        operator.command('verify', 'acme')
        owners = {path.name: path.stat().st_uid for path in host.path(VOLUME).iterdir()}
        assert 'webui.db' in owners and set(owners.values()) == {1500}, f'in the volume: {owners}'
        stopped_docker_stays_stopped(host)
    return 0


if __name__ == '__main__':
    sys.exit(main())
