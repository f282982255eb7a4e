#!/usr/bin/python3
"""
SQLite + Supabase Sync System - A systemctl For One Real dockerd

Starts, restarts and describes docker.service as systemd does: `restart` ends when the daemon is ready, or has failed. Containers
outlive it when live-restore says so. Installed as /usr/bin/systemctl of a private host only.
"""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import List, Optional

STATE = Path('/run/stand-in')
FLAGS = ['-H', 'unix:///var/run/docker.sock', '--data-root', '/run/docker-data', '--exec-root', '/run/docker-exec', '--pidfile', '/run/docker.pid']
READY_SECONDS = 60


def main_pid() -> int:
    pid = int((STATE / 'pid').read_text() or 0) if (STATE / 'pid').exists() else 0
    return pid if pid and Path(f'/proc/{pid}/cmdline').exists() and Path(f'/proc/{pid}/cmdline').read_bytes() else 0


def stop() -> None:
    pid = main_pid()
    if pid:
        descriptor = os.pidfd_open(pid)
        os.kill(pid, signal.SIGTERM)
        select.select([descriptor], [], [], READY_SECONDS)
    (STATE / 'pid').write_text('0')


def start() -> int:
    with open(STATE / 'docker.log', 'a') as log:
        daemon = subprocess.Popen(['/usr/sbin/dockerd', *FLAGS], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    (STATE / 'pid').write_text(str(daemon.pid))
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if daemon.poll() is not None:
            print('Job for docker.service failed because the control process exited with error code.')
            (STATE / 'pid').write_text('0')
            return 1
        if subprocess.run(['docker', 'version'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return 0
    print('Job for docker.service timed out.')
    return 1


def main(words: List[str]) -> Optional[int]:
    with open(STATE / 'log', 'a') as log:
        log.write('systemctl ' + ' '.join(words) + '\n')
    if words[0] == 'show':
        line = ' '.join(['/usr/sbin/dockerd', *FLAGS])
        print(f'LoadState=loaded\nActiveState={"active" if main_pid() else "failed"}')
        print(f'MainPID={main_pid()}\nExecStart={{ path=/usr/sbin/dockerd ; argv[]={line} ; ignore_errors=no ; pid=0 }}')
    if words[0] in ('restart', 'stop'):
        stop()
    return start() if words[0] in ('restart', 'start') else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
