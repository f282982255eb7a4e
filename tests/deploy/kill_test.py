"""
SQLite + Supabase Sync System - Deploys That Are Killed

SIGKILL at system calls of a first deploy and of a new password: before something is sent, before an answer is read, before a
file is renamed, before it is on the disk. A second run has to make the host right. SYNC_NODE_LONG=1: at every one of them.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deploy.hosts import SECONDS, Host, passwords  # noqa: E402
from support.private_postgres import PrivatePostgres  # noqa: E402

# System call → every so many-th in the short form.
CALLS = {'rename': 1, 'fsync': 1, 'sendto': 9, 'recvfrom': 13}
LONG = os.environ.get('SYNC_NODE_LONG') == '1'


def require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)


def killed(host: Host, words: List[str], call: str, number: int) -> bool:
    """Runs deploy and kills it before its n-th such call; False when it ended before."""
    done = subprocess.run(['strace', '-f', '-qqq', '-o', '/dev/null', '-e', f'trace={call}', '-e', f'inject={call}:signal=SIGKILL:when={number}',
                           *words], env=host.environment(), capture_output=True, text=True, timeout=SECONDS)
    require(done.returncode in (0, -9, 137), f'{call} {number}: exit {done.returncode}\n{done.stdout}{done.stderr}')
    return done.returncode != 0


def check(host: Host, name: str, others: Dict[str, str]) -> None:
    """The host is right, whatever was before; nobody else's password moved; a further run does nothing."""
    credentials = host.credentials()
    require(host.url() == credentials['SYNC_URL'], 'the agent has another URL than the administrator')
    who = host.as_agent('SELECT session_user, sync_metadata.caller_cluster()')
    require(who == f'sync_service_{name.replace("-", "_")}|{name}', who)
    now = passwords(host.server)
    require(all(now[role] == kept for role, kept in others.items()), 'the password of another host changed')
    left = [path.name for path in host.etc.rglob('*.new')]
    require(not left, f'left behind: {left}')
    before = host.tree()
    said = host.deploy('--yes', '--no-start')
    require('nothing is to be done' in said and host.tree() == before, said)


def first_deploys(server: PrivatePostgres) -> int:
    done = 0
    for call, step in CALLS.items():
        number = 1
        while True:
            name = f'first-{call}-{number}'
            host = Host(server)
            try:
                words = host.words('--admin-url-file', host.admin, '--host-name', name, '--yes', '--no-start')
                others = passwords(server)
                hit = killed(host, words, call, number)
                if hit:
                    host.deploy(*words[words.index('--admin-url-file'):])
                check(host, name, others)
            finally:
                host.close()
            if not hit:
                break
            done += 1
            number += 1 if LONG else step
    return done


def new_passwords(server: PrivatePostgres) -> int:
    done, host = 0, Host(server)
    try:
        host.deploy('--admin-url-file', host.admin, '--host-name', 'rotating', '--yes', '--no-start')
        for call, step in CALLS.items():
            number = 1
            while True:
                others = {role: kept for role, kept in passwords(server).items() if role != 'sync_service_rotating'}
                mark = host.etc / 'admin/restart-pending'
                mark.unlink(missing_ok=True)
                url = host.url()
                hit = killed(host, host.words('--rotate-password', '--yes', '--no-start'), call, number)
                host.deploy('--yes', '--no-start')
                # Nodes that run have read the old file: the note outlives every kill.
                require(mark.exists() or host.url() == url, f'{call} {number}: that nodes have to be restarted is forgotten')
                check(host, 'rotating', others)
                if not hit:
                    break
                done += 1
                number += 1 if LONG else step
    finally:
        host.close()
    return done


def between_two_restarts(server: PrivatePostgres) -> None:
    """Killed when the standby has restarted and the leader has not: the nodes lead on, and the next run restarts both."""
    host = Host(server)
    try:
        host.deploy('--admin-url-file', host.admin, '--host-name', 'live', '--yes')
        leads = server.superuser_psql("SELECT right(leader_id, 1) FROM sync_metadata.leader_election WHERE cluster_name = 'live'")
        deploy = subprocess.Popen(host.words('--rotate-password', '--yes'), env=host.environment(), stdout=subprocess.DEVNULL)

        def kill(words: List[str]) -> 'str | None':
            if words == ['restart', f'sync-node@{leads}.service']:
                deploy.kill()
                deploy.wait()
                return 'killed'
            return None

        host.systemd.calls.clear()
        host.systemd.refuse = kill
        require(deploy.wait(SECONDS) == -9, 'it was not killed')
        host.systemd.refuse = lambda words: None
        held = "SELECT right(leader_id, 1) FROM sync_metadata.leader_election WHERE cluster_name = 'live' AND expires_at > clock_timestamp()"
        require(server.superuser_psql(held) == leads, 'the leader did not go on')
        said = host.deploy('--yes')
        require('restart the nodes one by one' in said and len(host.systemd.calls) == 4, f'{host.systemd.calls}\n{said}')
        require('nothing is to be done' in host.deploy('--yes'), 'not finished')
        require(server.superuser_psql(held) != '', 'nobody leads')
    finally:
        host.close()


def main() -> int:
    with PrivatePostgres() as server:
        ground = Host(server)
        try:
            ground.deploy('--admin-url-file', ground.admin, '--host-name', 'ground', '--yes', '--no-start')
            first, new = first_deploys(server), new_passwords(server)
            between_two_restarts(server)
        finally:
            ground.close()
    print(f'killed at {first} points of a first deploy, at {new} points of a new password, and between two restarts')
    require(first > 20 and new > 12, 'hardly anything was killed')
    return 0


if __name__ == '__main__':
    sys.exit(main())
